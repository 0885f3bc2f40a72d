"""What arrives at the collector from each example of the context system, and what it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.examples.expected import Expected, child, failed, run
from tests.wire import Matching, assistant, system, user

if TYPE_CHECKING:
    from tests.wire import Arrived

SENT: Final = r"\nFlushResult\(complete=True, delivered="


def step(*, of: str = "<run 1>", **more: Any) -> Arrived:
    """Return a request to the scripted model."""
    return child("chat scripted", of=of, **more)


def call(name: str, arguments: object, result: object, *, of: str = "<run 1>", **more: Any) -> Arrived:
    """Return a call of a tool that ended well."""
    attributes = {
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.arguments": arguments,
        "gen_ai.tool.call.result": result,
        **more.pop("attributes", {}),
    }
    return child(f"execute_tool {name}", of=of, attributes=attributes, **more)


def single(
    agent: str, one: dict[str, Any], *, first: int = 0, number: int = 1, **attributes: Any
) -> list[Arrived]:
    """Return a run with one tool call between two requests.

    Args:
        agent: the agent's name.
        one: the arguments of `call`.
        first: the place of the run's span.
        number: which run and which trace this is, counted from 1.
        **attributes: attributes of the run, those of metadata without their prefix.
    """
    of, trace = f"<run {number}>", number - 1
    named = {f"tcc.metadata.{key}": value for key, value in attributes.items()}
    below: dict[str, Any] = {"of": of, "parent": first, "trace": trace}
    return [
        run(
            f"invoke_agent {agent}",
            of=of,
            trace=trace,
            attributes={"tcc.agent": agent, "tcc.parentRunId": None, **named},
        ),
        step(**below),
        call(**one, **below),
        step(**below),
    ]


def cancelled(number: int, who: str, plan: str, result: str) -> list[Arrived]:
    """Return a run of `basic_context.py`."""
    first = 4 * (number - 1)
    identity = {"tcc.userId": who, "user.id": who}
    below: dict[str, Any] = {"of": f"<run {number}>", "trace": number - 1, "parent": first}
    return [
        run(
            "invoke_agent orders",
            of=f"<run {number}>",
            trace=number - 1,
            attributes={
                **identity,
                "tcc.agent": "orders",
                "tcc.metadata.plan": plan,
                "tcc.metadata.permissions": None,
                "gen_ai.input.messages": user("Cancel order 17"),
                "gen_ai.output.messages": assistant(result),
            },
        ),
        step(attributes={**identity, "gen_ai.tool.definitions": [CANCEL_ORDER]}, **below),
        call("cancel_order", {"number": 17}, {"value": result}, attributes=identity, **below),
        step(attributes=identity, **below),
    ]


def asked(number: int, tenant: str, who: str) -> list[Arrived]:
    """Return a run of `fastapi_app.py`."""
    articles = [f"{tenant}/{who}/anvil", f"{tenant}/{who}/rope"]
    identity = {"tcc.orgId": tenant, "tcc.userId": who, "user.id": who}
    below: dict[str, Any] = {"of": f"<run {number}>", "trace": number - 1, "parent": 4 * (number - 1)}
    return [
        run(
            "invoke_agent shop",
            of=f"<run {number}>",
            trace=number - 1,
            attributes={**identity, "tcc.metadata.request_id": f"req-{who}"},
        ),
        step(attributes=identity, **below),
        call("list_orders", {}, {"value": articles}, attributes=identity, **below),
        step(attributes=identity, **below),
    ]


def levels(
    agent: str, tool: str, arguments: object, result: object, *recorded: dict[str, Any]
) -> list[Arrived]:
    """Return runs that each delegate to the next by one tool call, in one trace."""
    down: list[Arrived] = []
    up: list[Arrived] = []
    for number, metadata in enumerate(recorded, 1):
        first = 3 * (number - 1)
        of = f"<run {number}>"
        attributes = {
            "tcc.agent": agent,
            "tcc.parentRunId": f"<run {number - 1}>" if number > 1 else None,
            **{f"tcc.metadata.{key}": value for key, value in metadata.items()},
        }
        down += [
            run(
                f"invoke_agent {agent}",
                of=of,
                parent=first - 1 if number > 1 else None,
                attributes=attributes,
            ),
            step(of=of, parent=first),
            call(tool, arguments, result, of=of, parent=first),
        ]
        up.insert(0, step(of=of, parent=first))
    return down + up


def attempted(number: int) -> list[Arrived]:
    """Return a run of `retries.py` whose second request to the model fails."""
    below: dict[str, Any] = {"of": f"<run {number}>", "trace": number - 1, "parent": 4 * (number - 1)}
    answer = f"https://shop.example answered within {10 * number - 5} s"
    failure = failed("ConnectionError", "the model is busy")
    failure["attributes"]["tcc.metadata.retry_count"] = number - 1
    return [
        run("invoke_agent fetcher", of=f"<run {number}>", trace=number - 1, **failure),
        step(**below),
        call("fetch", {"url": "https://shop.example"}, {"value": answer}, **below),
        step(**below, events=[("exception", {})], **failed("ConnectionError", "the model is busy")),
    ]


def bought(number: int, tenant: str, currency: str, refused: dict[str, Any]) -> list[Arrived]:
    """Return a run of `multi_tenant.py`; both begin before either of them calls a tool."""
    below: dict[str, Any] = {"of": f"<run {number}>", "trace": number - 1, "parent": 2 * (number - 1)}
    identity = {"tcc.orgId": tenant, "tcc.metadata.currency": None}
    article = {"article": "anvil"}
    return [
        run("invoke_agent shop", of=f"<run {number}>", trace=number - 1, attributes=identity),
        step(attributes=identity, **below),
        call("price", article, {"value": f"anvil: 5 {currency}"}, attributes=identity, **below),
        child("execute_tool buy", **below, **refused),
        step(attributes=identity, **below),
    ]


CANCEL_ORDER: Final = {
    "type": "function",
    "name": "cancel_order",
    "description": "Cancel an order of the customer.",
    "parameters": {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    },
}
_REFUND: Final = {"number": 17}
_HOST: Final = {"tcc.userId": "ada", "user.id": "ada", "tcc.sessionId": "chat-9"}
_CALLER: Final = {"tcc.userId": "+45 1234", "user.id": "+45 1234", "tcc.sessionId": "call-7"}
_PARTIAL: Final[dict[str, Any]] = {"code": 1}
_LATE: Final = (
    "912, counted one by one",
    "912, counted one by one",
    "about 900, estimated",
    "too late, not counted",
)

EXPECTED: Final = {
    "basic_context.py": Expected(
        [
            *cancelled(1, "ada", "pro", "order 17 of ada is cancelled, as asked in 'Cancel order 17'"),
            *cancelled(2, "bob", "free", "bob may not cancel orders"),
        ],
        prints=r"\Aorder 17 of ada is cancelled.*\nbob may not cancel orders\n"
        r"the context itself is as it was: Customer\(user_id='ada'.*metadata=\{\}\)" + SENT + "8",
    ),
    "combined.py": Expected(
        levels(
            "worker",
            "work",
            {},
            {"value": "done at depth 2, attempt 1, for: Paint the fence"},
            {"depth": 0, "retry_count": 0},
            {"depth": 1, "retry_count": 0},
            {"depth": 2, "retry_count": 0},
            {"depth": 2, "retry_count": 1, "deadline": None, "task_id": None},
        ),
        prints=r"\Adone at depth 2, attempt 1, for: Paint the fence" + SENT + "16",
    ),
    "deadlines.py": Expected(
        [
            span
            for number, answer in enumerate(_LATE, 1)
            for span in single(
                "storekeeper",
                {"name": "count_stock", "arguments": {}, "result": {"value": answer}},
                first=4 * (number - 1),
                number=number,
                deadline=None,
                started_at=None,
            )
        ],
        prints=r"\A" + "\n".join(_LATE) + SENT + "16",
    ),
    "delegation_depth.py": Expected(
        levels(
            "worker",
            "delegate",
            {"task": "Sort a part of them"},
            {"value": "done at depth 2, deep enough"},
            {"depth": 0},
            {"depth": 1},
            {"depth": 2, "max_depth": None},
        ),
        prints=r"\Adone at depth 2, deep enough" + SENT + "12",
    ),
    "fastapi_app.py": Expected(
        [*asked(1, "acme", "ada"), *asked(2, "globex", "bob")],
        prints=r'\A200 You ordered \["acme/ada/anvil","acme/ada/rope"\]\n'
        r'200 You ordered \["globex/bob/anvil","globex/bob/rope"\]' + SENT + "8",
        never="Orders object",
    ),
    "immutable.py": Expected(
        single(
            "host",
            {
                "name": "switch_language",
                "arguments": {"language": "de"},
                "result": {"value": "not changed: cannot assign to field 'language'"},
            },
            tenant=None,
        ),
        prints=r"\Anot changed: .*\n"
        r"Visitor\(tenant='acme', language='en', metadata=\{\}\)\n"
        r"Visitor\(tenant='acme', language='de', metadata=\{\}\)\n"
        r"Visitor\(tenant='acme', language='de', metadata=\{'request_id': 'req-7'\}\)" + SENT + "4",
    ),
    "interceptors.py": Expected(
        [
            run("invoke_agent gate", attributes={"tcc.metadata.skipped": ["pre_act PermissionGate refund"]}),
            step(),
            call(
                "refund",
                _REFUND,
                {"value": "Permission denied"},
                **_PARTIAL,
                attributes={"tcc.statusMessage": "skipped by an interceptor"},
            ),
            step(),
            run(
                "invoke_agent budget",
                of="<run 2>",
                trace=1,
                **_PARTIAL,
                attributes={
                    "tcc.metadata.stopped": "Budget at pre_think",
                    "tcc.statusMessage": "stopped by Budget",
                    "gen_ai.output.messages": assistant("The budget of this run is used up."),
                },
            ),
            step(of="<run 2>", trace=1, parent=4),
            call("refund", _REFUND, {"value": "order 17 is paid back"}, of="<run 2>", trace=1, parent=4),
            step(of="<run 2>", trace=1, parent=4),
            call("refund", _REFUND, {"value": "order 17 is paid back"}, of="<run 2>", trace=1, parent=4),
            run(
                "invoke_agent deadline",
                of="<run 3>",
                trace=2,
                **_PARTIAL,
                attributes={"tcc.metadata.stopped": "Deadline at pre_think"},
            ),
            step(of="<run 3>", trace=2, parent=9),
            call("refund", _REFUND, {"value": "order 17 is paid back"}, of="<run 3>", trace=2, parent=9),
        ],
        prints=r"\Aphases: pre_run pre_think post_think pre_act pre_think post_think post_run\n"
        r"gate: I was told: Permission denied \(stopped by None\)\n"
        r"budget: The budget of this run is used up\. \(stopped by Budget\)\n"
        r"deadline: The time for this run is up\. \(stopped by Deadline\)" + SENT + "12",
    ),
    "lineage.py": Expected(
        [
            run("invoke_agent head", attributes={"tcc.parentRunId": None, "tcc.metadata.ancestors": None}),
            step(),
            call("where_am_i", {}, {"value": Matching(r"^the root task: \w{8}$")}),
            call("hand_on", {"task": "File it"}, {"value": Matching(r"^1 below the root: \w{8} > \w{8}$")}),
            run("invoke_agent clerk", of="<run 2>", parent=3, attributes={"tcc.parentRunId": "<run 1>"}),
            step(of="<run 2>", parent=4),
            call(
                "where_am_i",
                {},
                {"value": Matching(r"^1 below the root: \w{8} > \w{8}$")},
                of="<run 2>",
                parent=4,
            ),
            step(of="<run 2>", parent=4),
            step(),
        ],
        prints=r"\Athe root task: (\w{8})\n1 below the root: \1 > \w{8}" + SENT + "9",
    ),
    "metadata.py": Expected(
        [
            *single(
                "host",
                {"name": "greet", "arguments": {}, "result": {"value": "Guten Tag"}},
                channel="web",
                locale=None,
                request_id=None,
            ),
            *single(
                "host",
                {"name": "greet", "arguments": {}, "result": {"value": "Good day"}},
                first=4,
                number=2,
                channel=None,
                locale=None,
            ),
        ],
        prints=r"\A\{'request_id': 'req-1', 'locale': 'en'\} "
        r"\{'request_id': 'req-1', 'locale': 'de', 'attempt': 2\}\n"
        r"2 no region\nGuten Tag\nGood day" + SENT + "8",
    ),
    "multi_tenant.py": Expected(
        [
            *bought(
                1,
                "acme",
                "EUR",
                {"attributes": {"gen_ai.tool.call.result": {"value": "anvil bought for acme"}}},
            ),
            *bought(
                2,
                "globex",
                "USD",
                {
                    **failed(
                        "contextcompany.agents.callables.UnknownToolError",
                        "there is no tool 'buy'; available: price",
                    ),
                    "events": [("exception", {})],
                },
            ),
        ],
        prints=r"\Aacme: anvil: 5 EUR \| anvil bought for acme\n"
        r"globex: anvil: 5 USD \| error: .*buy.*price" + SENT + "10",
    ),
    "optional_context.py": Expected(
        single(
            "librarian",
            {
                "name": "search",
                "arguments": {"query": "returns", "limit": 5},
                "result": {"value": "5 articles on 'returns' in Danish"},
            },
            language=None,
        ),
        prints=r"\A2 articles on 'returns' in any language\n2 articles on 'returns' in French\n"
        r"5 articles on 'returns' in Danish" + SENT + "4",
    ),
    "own_loop.py": Expected(
        [
            run(
                "invoke_agent hotline",
                attributes={
                    **_CALLER,
                    "tcc.agent": "hotline",
                    "gen_ai.input.messages": user("How many tickets are open?"),
                    "gen_ai.output.messages": assistant(
                        "How many tickets are open? 1: open ticket of +45 1234"
                    ),
                },
            ),
            child("chat gpt-5-mini", attributes=_CALLER),
            call(
                "open_tickets", {"state": "open"}, {"value": ["open ticket of +45 1234"]}, attributes=_CALLER
            ),
        ],
        prints=r"\AHow many tickets are open\? 1: open ticket of \+45 1234\n"
        r"outside of the agent there is no context: None" + SENT + "3",
    ),
    "retries.py": Expected(
        [
            *attempted(1),
            *attempted(2),
            *single(
                "fetcher",
                {
                    "name": "fetch",
                    "arguments": {"url": "https://shop.example"},
                    "result": {"value": "https://shop.example answered within 25 s"},
                },
                first=8,
                number=3,
                retry_count=2,
            ),
        ],
        prints=r"\Aattempt 0: the model is busy\nattempt 1: the model is busy\n"
        r"attempt 2: https://shop\.example answered within 25 s" + SENT + "12",
    ),
    "services.py": Expected(
        [
            run(
                "invoke_agent orders",
                attributes={"gen_ai.output.messages": assistant("17 is shipped; 18 is delivered")},
            ),
            step(),
            call("find_order", {"number": 17}, {"value": "17 is shipped"}),
            call("find_order", {"number": 18}, {"value": "18 is delivered"}),
            step(),
        ],
        prints=r"\A17 is shipped; 18 is delivered\ncached: \{17: 'shipped', 18: 'delivered'\};"
        ".*" + SENT + "5",
        never="key-of-the-warehouse",
    ),
    "subagents.py": Expected(
        [
            run(
                "invoke_agent host",
                attributes={
                    **_HOST,
                    "tcc.agent": "host",
                    "tcc.parentRunId": None,
                    "tcc.metadata.roles": None,
                },
            ),
            step(attributes=_HOST),
            call(
                "checker",
                {"task": "Is this user an admin?"},
                {"value": "admin: denied"},
                attributes={**_HOST, "tcc.agent": "host"},
            ),
            run(
                "invoke_agent checker",
                of="<run 2>",
                parent=2,
                attributes={
                    **_HOST,
                    "tcc.agent": "checker",
                    "tcc.parentRunId": "<run 1>",
                    "gen_ai.input.messages": user("Is this user an admin?"),
                    "gen_ai.system_instructions": system("You check what users may do."),
                },
            ),
            step(of="<run 2>", parent=3, attributes=_HOST),
            call(
                "check_role",
                {"role": "admin"},
                {"value": "denied"},
                of="<run 2>",
                parent=3,
                attributes={**_HOST, "tcc.agent": "checker"},
            ),
            step(of="<run 2>", parent=3, attributes=_HOST),
            step(attributes=_HOST),
        ],
        prints=r"\Achecker checks admin for ada, who asked: May I delete files\?\n"
        r"You need to be an admin\. admin: denied" + SENT + "8",
    ),
    "testing_a_tool.py": Expected(
        [],
        prints=r"\Atool list_orders needs a context: expected App, got none;.*\ntested in run \S{36}\n\Z",
    ),
}

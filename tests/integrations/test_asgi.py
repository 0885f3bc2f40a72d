"""ASGI middleware: identity and carrier of a request, and nothing of it anywhere else."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace

import contextcompany as tcc
from contextcompany.integrations.asgi import carrier_of
from contextcompany.testing import capture
from tests.integrations.requests import SPAN_ID, TRACE_ID, TRACEPARENT, current, places, record, runs
from tests.recording.rows import parsed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from contextcompany.testing import Captured

Message = dict[str, Any]


async def receive() -> Message:
    """Receive the end of a request."""
    return {"type": "http.request"}


async def send(message: Any) -> None:
    """Send nowhere."""


def http(path: str, *headers: tuple[bytes, bytes], **more: Any) -> Message:
    """Return the scope of a request."""
    return {"type": "http", "path": path, "headers": list(headers), **more}


def header(name: str) -> Callable[[Any], str | None]:
    """Return a function that finds a header in a scope."""

    def found(scope: Any) -> str | None:
        return next((value.decode() for key, value in scope["headers"] if key == name.encode()), None)

    return found


async def recording(scope: Any, receive: Any, send: Any) -> None:
    """Record a run that the path names."""
    await asyncio.sleep(0)
    record(scope["path"])


async def ask(app: Callable[..., Awaitable[None]], scope: Message) -> None:
    """Send one request, and hold that nothing of it stays."""
    before = current()
    await app(scope, receive, send)
    assert current() == before


async def test_a_request_says_who_its_runs_are_for(captured: Captured) -> None:
    """Each function finds its part in the scope; a request of whom it finds nothing has none."""
    app = tcc.ASGIMiddleware(
        recording,
        session=header("x-session"),
        user=header("x-user"),
        user_name=lambda scope: scope.get("name"),
        org=header("x-org"),
        org_name=lambda scope: "Engines",
    )
    headers = ((b"x-session", b"s-1"), (b"x-user", b"u-1"), (b"x-org", b"o-1"))
    await ask(app, http("a", *headers, name="Ada"))
    await ask(app, http("b", *headers[:1]))
    assert runs(captured) == {
        "a": {
            "tcc.sessionId": "s-1",
            "tcc.userId": "u-1",
            "tcc.userName": "Ada",
            "tcc.orgId": "o-1",
            "tcc.orgName": "Engines",
        },
        "b": {"tcc.sessionId": "s-1"},
    }


async def test_what_an_inner_middleware_finds_out(captured: Captured) -> None:
    """A user that an authentication inside of the middleware puts into the scope is known to the runs."""

    async def authenticated(scope: Any, receive: Any, send: Any) -> None:
        scope["user"] = "u-1"
        await recording(scope, receive, send)

    await ask(tcc.ASGIMiddleware(authenticated, user=lambda scope: scope["user"]), http("a"))
    assert runs(captured) == {"a": {"tcc.userId": "u-1"}}


async def test_requests_at_the_same_time(captured: Captured) -> None:
    """200 requests of 20 tenants at once in one thread: each run has its own tenant."""
    app = tcc.ASGIMiddleware(recording, org=header("x-org"))
    await asyncio.gather(
        *(app(http(f"{n}", (b"x-org", b"o-%d" % (n % 20))), receive, send) for n in range(200))
    )
    assert runs(captured) == {f"{n}": {"tcc.orgId": f"o-{n % 20}"} for n in range(200)}


async def test_the_trace_of_the_caller(captured: Captured) -> None:
    """A run of a request nests under the span that its headers name, unless the carrier is not trusted."""
    trusting, careful = (
        tcc.ASGIMiddleware(recording, continues=continues) for continues in ("trace", "nothing")
    )
    await ask(trusting, http("trusting", (b"TraceParent", TRACEPARENT.encode()), (b"x", b"y")))
    await ask(careful, http("careful", (b"traceparent", TRACEPARENT.encode())))
    await ask(trusting, http("without"))
    found = places(captured)
    assert found["trusting"] == (TRACE_ID, SPAN_ID)
    assert [parent for _, parent in (found["careful"], found["without"])] == [None, None]


async def test_the_run_of_the_caller(captured: Captured) -> None:
    """Only where callers are trusted with it do runs land inside of the run that their headers name."""
    with tcc.run("far", session_id="theirs") as far:
        far.prompt("p")
        headers = [(name.encode(), value.encode()) for name, value in tcc.inject().items()]
    for continues in ("run", "trace", "nothing"):
        app = tcc.ASGIMiddleware(recording, continues=continues)
        await ask(app, http(continues, *headers))
    found = places(captured)
    here = (found["far"][0], trace.format_span_id(far.span.get_span_context().span_id))
    assert [found["run"], found["trace"], found["nothing"][1]] == [here, here, None]
    outer = {
        span["tcc.runId"]: span.get("tcc.parentRunId") for span in map(parsed, captured.named("invoke_agent"))
    }
    assert outer == {"far": None, "run": "far", "trace": None, "nothing": None}
    assert runs(captured) == {
        "far": {"tcc.sessionId": "theirs"},
        "run": {"tcc.sessionId": "theirs"},
        "trace": {},
        "nothing": {},
    }


def test_another_word_for_what_is_continued() -> None:
    """A word that is not known is refused at once, by both kinds of middleware."""
    for middleware in (tcc.ASGIMiddleware, tcc.WSGIMiddleware):
        with pytest.raises(ValueError, match="continues must be one of trace, run, nothing: got 'all'"):
            middleware(recording, continues="all")  # type: ignore[arg-type]


async def test_the_application_traces_by_itself(
    captured: Captured, application: tuple[TracerProvider, InMemorySpanExporter]
) -> None:
    """Where the application has spans of its own, runs nest under them and its context is untouched."""
    provider, exporter = application

    async def traced(scope: Any, receive: Any, send: Any) -> None:
        with provider.get_tracer("app").start_as_current_span("GET"):
            await recording(scope, receive, send)
        assert not trace.get_current_span().get_span_context().is_valid

    await ask(tcc.ASGIMiddleware(traced), http("a", (b"traceparent", TRACEPARENT.encode())))
    (span,) = exporter.get_finished_spans()
    assert span.parent is None
    assert places(captured)["a"][1] == trace.format_span_id(span.context.span_id)


async def test_a_websocket(captured: Captured) -> None:
    """A websocket is one connection with many runs; the functions are asked for each."""

    async def chat(scope: Any, receive: Any, send: Any) -> None:
        for turn in ("1", "2"):
            scope["turn"] = turn
            record(turn)

    app = tcc.ASGIMiddleware(chat, session=lambda scope: scope["turn"])
    await ask(app, {**http(""), "type": "websocket"})
    assert runs(captured) == {"1": {"tcc.sessionId": "1"}, "2": {"tcc.sessionId": "2"}}


@pytest.mark.parametrize("kind", ["lifespan", "something-new", None])
async def test_what_is_no_request_passes_untouched(kind: str | None) -> None:
    """The lifespan of a server and what ASGI may bring reach the application as they came."""
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.append((given, dict(given[0]), current()))

    scope = {"type": kind} if kind else {}
    await tcc.ASGIMiddleware(app, user=lambda _: pytest.fail("it was asked"))(scope, receive, send)
    assert seen == [((scope, receive, send), {"type": kind} if kind else {}, current())]


async def test_an_error_of_the_application(captured: Captured) -> None:
    """What the application raises goes on, and leaves nothing behind."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        tcc.run("left-open").__enter__()
        raise KeyError("x")

    before = current()
    app = tcc.ASGIMiddleware(broken, user=lambda _: "u-1")
    with pytest.raises(KeyError, match="x"):
        await app(http("a", (b"traceparent", TRACEPARENT.encode())), receive, send)
    assert current() == before
    record("after")
    assert runs(captured)["after"] == {}


async def test_a_task_that_outlives_its_request(captured: Captured) -> None:
    """What a request leaves running is still for its user."""
    tasks: list[asyncio.Task[None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        tasks.append(asyncio.create_task(recording(scope, receive, send)))

    await ask(tcc.ASGIMiddleware(app, user=lambda _: "u-1"), http("later"))
    await tasks[0]
    assert runs(captured) == {"later": {"tcc.userId": "u-1"}}


async def test_a_request_that_starts_in_the_context_of_another(captured: Captured) -> None:
    """Servers start a pipelined request from the task of the one before: nothing of that one is seen."""
    second: list[asyncio.Task[None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = {"a": "s-1"}.get(scope["path"])
        with tcc.identity(session_id=session), tcc.run(scope["path"]).prompt("p"):
            if not second:
                following: Coroutine[Any, Any, None] = wrapped(http("b"), receive, send)
                second.append(asyncio.create_task(following))
                await second[0]

    wrapped = tcc.ASGIMiddleware(app, user=lambda scope: {"a": "u-1"}.get(scope["path"]))
    with tcc.identity(org_id="o-1"):
        await ask(wrapped, http("a", (b"traceparent", TRACEPARENT.encode())))
    assert runs(captured) == {
        "a": {"tcc.orgId": "o-1", "tcc.sessionId": "s-1", "tcc.userId": "u-1"},
        "b": {"tcc.orgId": "o-1"},
    }
    assert places(captured)["a"] == (TRACE_ID, SPAN_ID)
    assert places(captured)["b"][1] is None


async def test_middleware_inside_of_middleware(captured: Captured) -> None:
    """Two of them in one request add up, also where a router hands on a copy of the scope."""
    inner = tcc.ASGIMiddleware(recording, user=lambda _: "u-1")

    async def routed(scope: Any, receive: Any, send: Any) -> None:
        with tcc.run("outer").prompt("p"):
            await inner({**scope, "path": "inner"}, receive, send)

    app = tcc.ASGIMiddleware(routed, org=lambda _: "o-1")
    await ask(app, http("a", (b"traceparent", TRACEPARENT.encode())))
    assert runs(captured) == {
        "outer": {"tcc.orgId": "o-1"},
        "inner": {"tcc.orgId": "o-1", "tcc.userId": "u-1"},
    }
    (outer,) = (span for span in captured.spans if (span.attributes or {})["tcc.runId"] == "outer")
    assert places(captured) == {
        "outer": (TRACE_ID, SPAN_ID),
        "inner": (TRACE_ID, trace.format_span_id(outer.context.span_id)),
    }


async def test_a_scope_that_is_used_again(captured: Captured) -> None:
    """A scope that serves a second request is a second request, which continues its carrier too."""
    app = tcc.ASGIMiddleware(recording, user=lambda scope: scope["path"])
    scope = http("a", (b"traceparent", TRACEPARENT.encode()))
    await ask(app, scope)
    scope["path"] = "b"
    await ask(app, scope)
    assert runs(captured) == {"a": {"tcc.userId": "a"}, "b": {"tcc.userId": "b"}}
    assert places(captured) == {"a": (TRACE_ID, SPAN_ID), "b": (TRACE_ID, SPAN_ID)}


async def test_what_is_around_the_server(captured: Captured) -> None:
    """A block and a run around the whole server, as tests have them, hold for its requests."""
    app = tcc.ASGIMiddleware(recording, user=lambda _: "u-1")
    with tcc.identity(org_id="o-1"):
        await ask(app, http("a"))
        with tcc.run("test").prompt("p") as r:
            await ask(app, http("b"))
    assert runs(captured) == {
        "a": {"tcc.orgId": "o-1", "tcc.userId": "u-1"},
        "b": {"tcc.orgId": "o-1", "tcc.userId": "u-1"},
        "test": {"tcc.orgId": "o-1"},
    }
    assert places(captured)["b"] == (r.trace_id, trace.format_span_id(r.span.get_span_context().span_id))


async def test_a_function_that_fails(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """A function that raises costs its part and one warning; the request goes on."""
    app = tcc.ASGIMiddleware(recording, user=lambda scope: scope["user"], org=lambda _: "o-1")
    await ask(app, http("a"))
    await ask(app, http("b"))
    assert runs(captured) == {"a": {"tcc.orgId": "o-1"}, "b": {"tcc.orgId": "o-1"}}
    (said,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert said.startswith("the function for tcc.userId failed with KeyError: ")


@pytest.mark.parametrize("value", ["u-1", 7, {}])
def test_what_is_no_function(value: Any) -> None:
    """A value in the place of a function is misuse, which says so at once."""
    with pytest.raises(TypeError, match="user must be a plain function of the request: got"):
        tcc.ASGIMiddleware(recording, user=value)


def test_a_coroutine_function() -> None:
    """A function that has to be awaited cannot be asked when a run starts."""

    async def user(scope: Any) -> str:
        raise NotImplementedError

    with pytest.raises(TypeError, match=r"org must be a plain function .* without await"):
        tcc.ASGIMiddleware(recording, org=user)


def test_headers_on_several_lines() -> None:
    """Lines of the same name are joined by a comma; names are compared in lower case."""
    assert carrier_of(
        http("", (b"baggage", b"a=1"), (b"Baggage", b"b=2"), (b"tracestate", b"x=\xff"), (b"cookie", b"c"))
    ) == {"baggage": "a=1,b=2", "tracestate": "x=\xff"}


def test_headers_that_can_be_read_once() -> None:
    """An iterator of headers is left to the application."""
    once = iter([(b"traceparent", TRACEPARENT.encode())])
    assert carrier_of({"type": "http", "headers": once}) == {}
    assert next(once) == (b"traceparent", TRACEPARENT.encode())


_ODD = st.one_of(
    st.binary(), st.text(), st.none(), st.integers(), st.just(b"traceparent"), st.just(b"baggage")
)


@given(st.one_of(st.none(), st.integers(), st.lists(st.one_of(_ODD, st.lists(_ODD), st.tuples(_ODD, _ODD)))))
def test_any_headers_are_no_reason_to_fail(headers: Any) -> None:
    """Malformed headers of any shape raise nothing, and the run of the request is recorded."""
    app = tcc.ASGIMiddleware(recording)
    with capture() as captured:
        asyncio.run(ask(app, {"type": "http", "path": "a", "headers": headers}))
        assert runs(captured) == {"a": {}}

"""Content off: what was said stays here; which model said it, how long it took and what it cost is recorded.

The same as TCC_CAPTURE_CONTENT=false. No prompts, responses, arguments, results, descriptions of tools,
feedback texts, messages of errors or stack traces leave. The required fields are still required.
"""

import contextcompany as tcc

tcc.configure(capture_content=False)


def open_file(patient: str) -> None:
    raise PermissionError(f"the file of {patient} is confidential")


with tcc.run() as r:
    r.prompt("My diagnosis is confidential", system_prompt="You are a doctor").metadata(ward="7")
    with r.step() as s:
        s.prompt("My diagnosis is confidential").response("Here is confidential advice")
        s.tool_definitions([{"name": "read_file", "description": "Reads a confidential file"}])
        s.model(requested="gpt-4o").tokens(prompt_uncached=200, completion=100)
    try:
        with r.tool_call("read_file") as t:
            t.args({"patient": "confidential"})
            open_file("confidential")
    except PermissionError:
        r.response("This is confidential")

r.feedback(score="thumbs_up", text="All of it is confidential")
print(f"recorded run {r.run_id} without a word of it")
print(tcc.flush())

"""Tools in threads: a handle may be used from any of them, so pass the run and start its children there."""

from concurrent.futures import ThreadPoolExecutor

import contextcompany as tcc


def count(run: tcc.Run, shop: str) -> int:
    with run.tool_call("count", tool_call_id=shop) as t:
        t.args({"shop": shop}).result({"letters": len(shop)})
    return len(shop)


with tcc.run() as r, ThreadPoolExecutor(max_workers=3) as pool:
    r.prompt("Count in all shops")
    found = list(pool.map(lambda shop: count(r, shop), ["north", "south", "west"]))
    r.response(f"{sum(found)} in all")

print(f"counted {found} in run {r.run_id}")
print(tcc.flush())

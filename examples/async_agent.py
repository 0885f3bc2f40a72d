"""An asynchronous agent: `async with`, tools at the same time, and a time-out that fails what it cancels.

Inside the block the run is current in every task that starts there, so a tool needs no handle passed in.
"""

import asyncio

import contextcompany as tcc


async def stock(shop: str, seconds: float) -> int:
    async with tcc.tool_call(tool_name="stock") as t:  # finds its run
        t.args({"shop": shop})
        await asyncio.sleep(seconds)
        t.result({"pieces": len(shop)})
        return len(shop)


async def agent() -> None:
    async with tcc.run() as r:
        r.prompt("How many pieces are left?")
        found = await asyncio.gather(stock("north", 0.01), stock("south", 0.01))
        try:
            async with asyncio.timeout(0.01):
                await stock("west", 60)
        except TimeoutError:
            r.status(1, "west did not answer")
        r.response(f"{sum(found)} pieces")
        print(f"{tcc.current_run()!r} answers: {sum(found)} pieces")


asyncio.run(agent())
print(tcc.flush())

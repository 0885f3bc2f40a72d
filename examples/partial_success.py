"""Between success and failure: status 1 says that a run reached a part of its goal.

0 is success, 1 partial success, 2 an error. The status takes effect at the end.
"""

import contextcompany as tcc

shops = {"north": 120, "south": None, "west": 80}
answered = {shop: sales for shop, sales in shops.items() if sales is not None}

with tcc.run() as r:
    r.prompt("Sum up the sales of all shops")
    r.response(f"{sum(answered.values())} in {', '.join(answered)}")
    if len(answered) < len(shops):
        r.status(1, f"{len(answered)} of {len(shops)} shops answered")
    else:
        r.status(0)

print(f"summed up {len(answered)} of {len(shops)} shops in run {r.run_id}")
print(tcc.flush())

"""What happened earlier: give start and end, as aware datetimes or as seconds since the epoch."""

from datetime import UTC, datetime, timedelta

import contextcompany as tcc

began = datetime(2025, 11, 3, 9, 30, tzinfo=UTC)
LOG = [
    ("Where is order 17?", "On its way.", timedelta(seconds=2)),
    ("And order 18?", "Delivered.", timedelta(seconds=3)),
]

for question, answer, took in LOG:
    r = tcc.run(start_time=began)
    s = r.step(start_time=began.timestamp() + 0.5).prompt(question).response(answer)
    s.end(end_time=began + took / 2)
    r.prompt(question).response(answer).end(end_time=began + took)
    print(f"run {r.run_id} from {began:%H:%M:%S} on, {took.total_seconds():g} s")
    began += timedelta(minutes=1)

print(tcc.flush())

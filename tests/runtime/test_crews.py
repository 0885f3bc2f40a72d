"""Worker threads: kept for the next user, shared by no two at a time, forgotten in a forked child."""

from __future__ import annotations

import threading

from contextcompany.runtime.crews import Crew, Crews

SECONDS = 20.0


def _where(crew: Crew) -> threading.Thread:
    found: threading.Thread = crew.submit(threading.current_thread).result(SECONDS)
    return found


def test_the_next_user_gets_the_threads_of_the_last() -> None:
    """A thread that was started for one user works for the next."""
    crews = Crews()
    first, second = Crew(crews), Crew(crews)
    before = _where(first)
    first.close()
    after = _where(second)
    second.close()
    assert before == after


def test_users_at_the_same_time_have_threads_of_their_own() -> None:
    """Nobody waits for the work of another: two users have two pools."""
    crews = Crews()
    first, second = Crew(crews), Crew(crews)
    assert _where(first) != _where(second)
    first.close()
    second.close()


def test_work_that_was_given_up_ends_before_others_get_the_threads() -> None:
    """What goes on though nobody waits for it holds up the end of its user, and nobody else."""
    crews = Crews()
    crew = Crew(crews)
    begun, free = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> None:
        begun.set()
        assert free.wait(SECONDS)
        done.append("work")

    crew.give_up(crew.submit(work))
    assert begun.wait(SECONDS)

    def close() -> None:
        crew.close()
        done.append("closed")

    closing = threading.Thread(target=close)
    closing.start()
    other = Crew(crews)
    _where(other)
    other.close()
    free.set()
    closing.join(SECONDS)
    assert done == ["work", "closed"]


def test_few_threads_are_kept() -> None:
    """Of many users at a time the threads of four are kept; those of the others end."""
    crews = Crews()
    users = [Crew(crews) for _ in range(6)]
    threads = {_where(user) for user in users}
    for user in users:
        user.close()
    kept = [Crew(crews) for _ in range(6)]
    assert len(threads & {_where(user) for user in kept}) == 4
    for user in kept:
        user.close()


def test_a_forked_child_starts_threads_of_its_own() -> None:
    """Threads do not survive a fork, so none is taken from before it."""
    crews = Crews()
    crew = Crew(crews)
    before = _where(crew)
    crew.close()
    kept = crews.take()
    crews.give_back(kept)
    crews.renew_after_fork()
    after = Crew(crews)
    assert _where(after) != before
    after.close()
    kept.shutdown()

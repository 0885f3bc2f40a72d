"""What the package says, how often, and which errors it keeps to itself."""

from __future__ import annotations

import logging
from threading import Barrier, Thread

import pytest

from contextcompany import diagnostics
from contextcompany.diagnostics import Guard, guard, log_debug_lines, logger, said, warn_once


def said_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged so far."""
    return [record.getMessage() for record in caplog.records]


def test_the_logger_is_named_after_the_package() -> None:
    """Applications find our lines under the logger `contextcompany`."""
    assert logger is logging.getLogger("contextcompany")


def test_a_warning_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """The same key is said once however often it happens; another key is said too."""
    for number in range(3):
        warn_once("same", "first %d", number)
        warn_once(("other", number), "second %d", number)
    assert said_lines(caplog) == ["first 0", "second 0", "second 1", "second 2"]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_warning_is_said_once_by_all_threads(caplog: pytest.LogCaptureFixture) -> None:
    """Threads that warn of the same thing at once say it once."""
    barrier = Barrier(8)

    def warn() -> None:
        barrier.wait(10)
        warn_once("race", "said")

    threads = [Thread(target=warn) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert said_lines(caplog) == ["said"]


def test_keys_made_from_data_cannot_fill_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    """A flood of different warnings ends at a bound, in what is remembered and in what is logged."""
    for number in range(5_000):
        warn_once(("flood", number), "said")
    assert len(caplog.records) <= 1_000
    assert len(said._keys) <= 1_000


def test_the_guard_raises_in_our_tests() -> None:
    """A strict guard hides no bug: the error goes on, and is not counted."""
    strict = Guard()
    strict.strict = True
    with pytest.raises(ZeroDivisionError), strict:
        _ = 1 / 0
    assert strict.errors == 0


def test_our_tests_run_with_a_strict_guard() -> None:
    """The fixture that every test has makes the guard of the package strict."""
    assert guard.strict


def test_the_guard_keeps_errors_from_the_application(caplog: pytest.LogCaptureFixture) -> None:
    """An error of ours is counted each time, said once per place, and the application goes on."""
    lenient = Guard()
    reached = []
    for number in range(3):
        with lenient:
            raise ValueError("the prompt: sk-hunter22")
        reached.append(number)
    assert reached == [0, 1, 2]
    assert lenient.errors == 3
    assert len(caplog.records) == 1
    line = caplog.records[0].getMessage()
    assert "ValueError" in line
    assert __file__ in line
    # The message of an error may hold content.
    assert "prompt" not in line
    assert "hunter22" not in line


def test_the_guard_stops_no_exit() -> None:
    """Ctrl-C, SystemExit and the end of a generator pass a guard that is not strict."""
    lenient = Guard()
    for leaving in (KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(leaving), lenient:
            raise leaving
    assert lenient.errors == 0


def test_the_guard_lets_work_through() -> None:
    """Work that raises nothing is done, and nothing is counted."""
    lenient = Guard()
    with lenient:
        done = "done"
    assert (done, lenient.errors) == ("done", 0)


def test_debug_lines_reach_the_error_stream(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody set up logging, debug lines go to the error stream, each once."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logger, "handlers", [])
    log_debug_lines()
    log_debug_lines()
    logger.debug("one line")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("one line") == 1
    assert "contextcompany DEBUG one line" in printed.err


def test_debug_lines_leave_the_logging_of_the_application_alone() -> None:
    """Where the application has set up logging, its handlers get the lines and none is added."""
    before = list(logger.handlers)
    log_debug_lines()
    assert logger.handlers == before
    assert logger.isEnabledFor(logging.DEBUG)


def test_diagnostics_stand_on_nothing() -> None:
    """The ground floor imports nothing of ours and nothing of OpenTelemetry."""
    foreign = [
        name
        for name, value in vars(diagnostics).items()
        if getattr(value, "__module__", "").startswith(("opentelemetry", "contextcompany."))
        and getattr(value, "__module__", "") != diagnostics.__name__
    ]
    assert foreign == []


def test_what_was_caught_is_kept_away_as_by_the_block(caplog: pytest.LogCaptureFixture) -> None:
    """An error that was caught by hand is counted, told once for its place, and raised in our tests."""
    lenient = Guard()
    errors = [ValueError("a secret"), ValueError("a secret"), KeyError("k")]
    for error in errors:
        try:
            raise error
        except (ValueError, KeyError) as raised:
            lenient.caught(raised)
    lenient.caught(LookupError("never raised"))
    assert lenient.errors == 4
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "ValueError" in said[0]
    assert "secret" not in said[0]
    lenient.strict = True
    with pytest.raises(ValueError, match="a secret") as again:
        lenient.caught(errors[0])
    assert again.value is errors[0]
    assert lenient.errors == 4

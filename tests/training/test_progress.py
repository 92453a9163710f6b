"""The line of progress, and the lines that stay."""

import io
import os

import pytest

from tf_gpt2.training.progress import Progress


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _show(stream):
    progress = Progress(0, 2, 100, stream)
    progress.resume(1)
    progress.report(2, 1.5, 0.1)
    progress.note("却说\x1b[2J\u202e曹操")
    progress.close()
    return progress


def test_the_share_of_the_time_that_batches_are_waited_for(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: clock[0])

    def batches():
        for seconds in (5.0, 1.0, 1.0):
            clock[0] += seconds
            yield seconds

    progress = Progress(0, 9, 100, io.StringIO())
    for step, _ in enumerate(progress.fed(batches()), 1):
        clock[0] += 3.0  # the step
        progress.resume(step) if step == 1 else None
    progress.pause(3)
    figures = progress.report(3, 1.5, 0.1)
    assert figures["input_wait"] == 2.0 / 8.0  # the first batch and step do not count
    assert figures["tokens_per_s"] == 200 / 8.0


@pytest.mark.parametrize("terminal", [False, True])
def test_a_sample_cannot_speak_to_the_terminal(terminal):
    stream = _Terminal() if terminal else io.StringIO()
    _show(stream)
    shown = stream.getvalue().replace("\r\x1b[K", "")
    assert "却说\ufffd[2J\ufffd曹操\n" in shown and "\x1b" not in shown and "\r" not in shown
    assert "step 2/2  loss 1.5000" in shown


def test_the_line_is_cleared_on_a_terminal_and_nowhere_else():
    on, off = _Terminal(), io.StringIO()
    _show(on), _show(off)
    assert on.getvalue().count("\r\x1b[K") == 2 and "\x1b" not in off.getvalue()


def test_a_training_goes_on_without_anyone_to_tell(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    _show(None)
    if os.path.exists("/dev/full"):
        full = open("/dev/full", "w")  # noqa: SIM115 - closing it fails
        _show(full)
        with pytest.raises(OSError):
            full.close()

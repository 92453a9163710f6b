import os
import signal
import subprocess
import sys

import pytest
from commands import ROOT

from tf_gpt2.training.interrupt import DeferredSignals


@pytest.fixture(autouse=True)
def _handlers():
    """The tests set the state that they test, whatever they were started with."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def test_the_first_signal_is_a_wish_and_the_second_acts():
    with DeferredSignals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.received == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_the_parent_ignores_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with DeferredSignals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received is None
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


BUSY = """
import hashlib, signal, os, sys
from tf_gpt2.training import interrupt

interrupt.SECONDS_TO_MEET = 0.2
with interrupt.DeferredSignals() as signals:
    signals.overdue = lambda: print("saved", flush=True)
    os.kill(os.getpid(), int(sys.argv[1]))
    if sys.argv[2:]:
        signals.meet()
    hashlib.pbkdf2_hmac("sha256", b"", b"", int(3e6))  # no handler of Python's runs meanwhile
    print("done", signals.received)
"""


@pytest.mark.parametrize(
    ("arguments", "code", "output"),
    [
        ([signal.SIGTERM], 130, "saved\n"),
        ([signal.SIGTERM, "met"], 0, f"done {int(signal.SIGTERM)}\n"),
        ([signal.SIGINT], 0, f"done {int(signal.SIGINT)}\n"),
    ],
)
def test_a_sigterm_that_is_not_met_in_time_ends_the_process(arguments, code, output):
    done = subprocess.run(
        [sys.executable, "-c", BUSY, *(str(int(a)) if a != "met" else a for a in arguments)],
        **{"cwd": ROOT, "capture_output": True, "text": True, "check": False},
    )
    assert (done.returncode, done.stdout) == (code, output), done.stderr

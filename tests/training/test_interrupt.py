import os
import signal

import pytest

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

"""What docs/robustness.md promises of time, as a test can hold it."""

import contextlib
import time

PROMISED_SECONDS = 5


@contextlib.contextmanager
def promptly():
    """Fails a block that computes for longer than promised: quadratic work takes many times as long.

    The processor's time counts, not the clock's, which runs on while other programs compute.
    """
    begin = time.process_time()
    yield
    spent = time.process_time() - begin
    assert spent < PROMISED_SECONDS, f"{spent:.1f} s of computing"

"""TensorFlow operation by operation: for tests of few steps, most of whose time would go into compiling."""

import contextlib
import functools

import pytest
import tensorflow as tf

from tf_gpt2.generation.engine import Engine


@contextlib.contextmanager
def eagerly():
    """Within it functions of TensorFlow are plain Python, the loop that writes among them.

    tests/generation/test_engine.py and tests/training/test_steps.py have the compiled forms.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_compile", _plain_loop)
        tf.config.run_functions_eagerly(True)
        try:
            yield
        finally:
            tf.config.run_functions_eagerly(False)


def _plain_loop(engine, max_candidates, arguments):
    engine._jit_compile = False  # else it would take an operation that only XLA has
    return functools.partial(engine._write, max_candidates)

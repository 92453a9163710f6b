"""Process settings that must stand before TensorFlow is first imported. Importing this module applies them."""

import contextlib
import os
import sys

# The rewriter turns every long sum into a tree of windows, which on CPU costs up to a tenth of a training step.
_XLA_FLAG = "--xla_disable_hlo_passes=tree_reduction_rewriter"

if "tree_reduction_rewriter" not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_XLA_FLAG}".strip()
# A user's own setting wins.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def load_tensorflow(*, xla: bool = False) -> None:
    """Imports TensorFlow without the screenful of notes on CUDA and plugins that it writes past its own log level.

    Args:
        xla: Compiles a trifle too, since XLA announces itself at its first program.
    """
    if "tensorflow" in sys.modules and not xla:
        return
    with _muted_stderr():
        import tensorflow as tf

        if xla:
            tf.function(lambda x: x + 1.0, jit_compile=True)(tf.constant(0.0))


@contextlib.contextmanager
def _muted_stderr():
    """Sends what C++ code writes to file descriptor 2 nowhere; Python's own errors are raised, not written."""
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] < "3":  # the user wants to see TensorFlow's log
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

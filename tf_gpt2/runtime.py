"""Process settings that must stand before TensorFlow is first imported. Importing this module applies them."""

import contextlib
import os
import sys

# The rewriter turns every long sum into a tree of windows, which on CPU costs up to a tenth of a training step.
_NO_TREE_SUMS = "--xla_disable_hlo_passes=tree_reduction_rewriter"
# A matrix-vector product takes row after row: memory is read fastest in that order (docs/generation.md).
_ONE_ROW_AT_A_TIME = "--xla_backend_extra_options=xla_llvm_dot_tiling_factor=1"
# XLA's older CPU runtime hands matrix products to oneDNN, biases and GELU included; the newer one uses Eigen.
_ONEDNN_PRODUCTS = "--xla_cpu_use_thunk_runtime=false"


def _add_xla_flag(flag):
    flags = os.environ.get("XLA_FLAGS", "")
    if flag.split("=")[0] not in flags:  # a user's own setting wins
        os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()


_add_xla_flag(_NO_TREE_SUMS)
_add_xla_flag(_ONE_ROW_AT_A_TIME)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def prepare_training() -> None:
    """Chooses, before TensorFlow is imported, what makes large matrix products fast on CPU, and imports it."""
    _add_xla_flag(_ONEDNN_PRODUCTS)
    load_tensorflow(xla=True)


def load_tensorflow(*, xla: bool = False) -> None:
    """Imports TensorFlow without the screenful of notes on CUDA and plugins that it writes past its own log level.

    Args:
        xla: Compiles a trifle too, since XLA announces itself at its first program.
    """
    if "tensorflow" in sys.modules and not xla:
        return
    with _muted_stderr():
        import tensorflow as tf

        # A new model is a new function; TensorFlow takes that for a mistake and warns.
        tf.get_logger().setLevel("ERROR")
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


def describe_environment(device: str) -> dict[str, str]:
    """What a run records of the process it ran in, since speed and last bits depend on it."""
    import tensorflow as tf

    return {"tensorflow": tf.__version__, "xla_flags": os.environ.get("XLA_FLAGS", ""), "device": device}

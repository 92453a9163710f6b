"""Process settings that must stand before TensorFlow is first imported. Importing this module applies them."""

import contextlib
import importlib.metadata
import os
import sys
from collections.abc import Iterator

# The rewriter turns every long sum into a tree of windows, which on CPU costs up to a tenth of a training step.
_NO_TREE_SUMS = "--xla_disable_hlo_passes=tree_reduction_rewriter"
# A matrix-vector product takes row after row: memory is read fastest in that order (docs/notes/generation.md).
# TensorFlow 2.19 reads it; 2.21, which has no such factor, takes any extra option and leaves it unread.
_ONE_ROW_AT_A_TIME = "--xla_backend_extra_options=xla_llvm_dot_tiling_factor=1"
# XLA's older CPU runtime hands matrix products to oneDNN, biases and GELU included; the newer one uses Eigen.
_ONEDNN_PRODUCTS = "--xla_cpu_use_thunk_runtime=false"
# From this TensorFlow on the older runtime is gone; the flag says so in the log, and a release that no longer knows
# it would end the process.
_WITHOUT_OLDER_RUNTIME = (2, 20)

# Names of the programs that a training step consists of, for XLA.
_STEPS = ".*_(whole|accumulate)_.*"
_started_with: str | None = None


def _release() -> tuple[int, int]:
    """Major and minor version of the installed TensorFlow, read without importing it."""
    for distribution in ("tensorflow", "tensorflow-cpu", "tf-nightly"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            major, minor = importlib.metadata.version(distribution).split(".")[:2]
            return int(major), int(minor)
    return _WITHOUT_OLDER_RUNTIME


def _older(flags: tuple[str, ...], *, than: tuple[int, int]) -> tuple[str, ...]:
    return flags if _release() < than else ()


# What every process sets, and what one that trains sets besides.
_ALWAYS = (_NO_TREE_SUMS, *_older((_ONE_ROW_AT_A_TIME,), than=_WITHOUT_OLDER_RUNTIME))
_TRAINING = _older((_ONEDNN_PRODUCTS,), than=_WITHOUT_OLDER_RUNTIME)


def _add_xla_flags(added: tuple[str, ...]) -> None:
    for flag in added:
        flags = os.environ.get("XLA_FLAGS", "")
        if flag.split("=")[0] not in flags:  # a user's own setting wins
            os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()


_add_xla_flags(_ALWAYS)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# TensorFlow else takes all memory of a GPU at its first operation, whatever else is to run there.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")


def prepare_training(memory_to: str | os.PathLike | None = None) -> None:
    """Chooses, before TensorFlow is imported, what makes large matrix products fast on CPU, and imports it.

    Args:
        memory_to: Folder where XLA writes down what the programs of training's steps take, if this process has
            compiled nothing before.

    XLA reads its flags once a process, at its first program: where a model has written before, training goes on
    with the flags of then, which `training_flags_in_force` tells.
    """
    if _started_with is None:
        _add_xla_flags(_TRAINING)
        if memory_to is not None:
            _add_xla_flags((f"--xla_dump_to={memory_to}", f"--xla_dump_hlo_module_re={_STEPS}"))
    load_tensorflow(xla=True)


def xla_flags_in_force() -> str:
    """XLA's flags that this process compiles with, as in XLA_FLAGS; before its first program, those of now."""
    return os.environ.get("XLA_FLAGS", "") if _started_with is None else _started_with


def training_flags_in_force() -> bool:
    """Whether this process has the flags that make training fast: not after a model wrote in it first.

    A user's own value of such a flag counts as in force. With TensorFlow 2.20 and later training has no flags of
    its own, so they always are.
    """
    given = {flag.split("=")[0] for flag in xla_flags_in_force().split()}
    return all(flag.split("=")[0] in given for flag in _TRAINING)


def load_tensorflow(*, xla: bool = False) -> None:
    """Imports TensorFlow without the screenful of notes on CUDA and plugins that it writes past its own log level.

    Args:
        xla: Compiles a trifle too, since XLA announces itself at its first program.
    """
    if xla:
        _note_flags()
    if "tensorflow" in sys.modules and not xla:
        return
    with _muted_stderr():
        import tensorflow as tf

        # A new model is a new function; TensorFlow takes that for a mistake and warns.
        tf.get_logger().setLevel("ERROR")
        if xla:
            tf.function(lambda x: x + 1.0, jit_compile=True)(tf.constant(0.0))


def _note_flags() -> None:
    global _started_with
    if _started_with is None:
        _started_with = os.environ.get("XLA_FLAGS", "")


@contextlib.contextmanager
def _muted_stderr() -> Iterator[None]:
    """Sends what C++ code writes to file descriptor 2 nowhere; Python's own errors are raised, not written."""
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] < "3":  # the user wants to see TensorFlow's log
        yield
        return
    if sys.stderr is not None:  # a process may be started without one, or with a full device
        with contextlib.suppress(OSError):
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


def describe_environment(**computing: str) -> dict[str, str]:
    """What a run records of the process it ran in and how it computes, since speed and last bits depend on it."""
    import tensorflow as tf

    return {"tensorflow": tf.__version__, "xla_flags": xla_flags_in_force(), **computing}

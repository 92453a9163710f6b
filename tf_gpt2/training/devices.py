"""Where a run computes and in which precision; the one place that knows TensorFlow's devices."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from tf_gpt2.errors import UserError
from tf_gpt2.training.settings import AUTO, PRECISIONS

# Compute capabilities whose tensor cores multiply the format: Ampere bfloat16, Volta float16.
_CAPABILITY = {"bfloat16": (8, 0), "float16": (7, 0)}


@dataclasses.dataclass(frozen=True)
class Gpu:
    """A GPU as far as the choice of a precision goes: its name and its compute capability."""

    name: str
    capability: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Devices:
    """What a run computes on.

    Attributes:
        strategy: Places variables and steps; the default one is one device.
        precision: What layers multiply in: "float32", "bfloat16" or "float16". Weights, softmaxes, norms, the
            loss and the optimizer are float32 in any case.
        description: For the person at the terminal.
    """

    strategy: tf.distribute.Strategy
    precision: str
    description: str

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Inside it models and optimizers are built for these devices."""
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.precision if self.precision == "float32" else f"mixed_{self.precision}")
        try:
            with self.strategy.scope():
                yield
        finally:
            keras.config.set_dtype_policy(before)


def local_devices(precision: str = AUTO) -> Devices:
    """One device, a GPU when there is one.

    Raises:
        UserError: The device cannot compute in the precision asked for.
    """
    chosen = choose_precision(precision, _gpus())
    return Devices(tf.distribute.get_strategy(), chosen, describe_device())


def choose_precision(asked: str, gpus: Sequence[Gpu]) -> str:
    """The precision for these GPUs, or for the CPU where there are none.

    Asked for nothing: on GPUs bfloat16, or float16 where they are older, as far as all have it. On a CPU float32:
    bfloat16 was slower wherever it was measured (docs/notes/precision.md).

    Raises:
        UserError: The device cannot compute in the precision asked for.
    """
    weakest = min(gpus, key=lambda gpu: gpu.capability, default=None)
    if asked not in (AUTO, *PRECISIONS):
        raise UserError(f"`precision` must be one of {', '.join((AUTO, *PRECISIONS))}; received {asked!r}")
    if asked == AUTO:
        fit = (name for name, least in _CAPABILITY.items() if weakest and weakest.capability >= least)
        return next(fit, "float32")
    if weakest is None and asked == "float16":
        raise UserError("`precision`=float16 needs a GPU, and there is none; take float32 or leave it out")
    if weakest is not None and weakest.capability < _CAPABILITY.get(asked, (0, 0)):
        least, has = (".".join(map(str, pair)) for pair in (_CAPABILITY[asked], weakest.capability))
        raise UserError(
            f"`precision`={asked} needs a GPU of compute capability {least} or more; {weakest.name} has {has}; "
            "take float32 or leave it out"
        )
    return asked


def describe_device() -> str:
    """The device that TensorFlow computes on."""
    return ", ".join(gpu.name for gpu in _gpus()) or "CPU"


def _gpus():
    found = []
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        found.append(Gpu(details.get("device_name", "GPU"), tuple(details.get("compute_capability", (0, 0)))))
    return found

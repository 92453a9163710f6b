"""Where a run computes and in which precision; the one place that knows TensorFlow's devices."""

import contextlib
import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Devices:
    """What a run computes on.

    Attributes:
        strategy: Places variables and steps; the default one is one device.
        precision: Keras's dtype policy of the model.
        description: For the person at the terminal.
    """

    strategy: tf.distribute.Strategy
    precision: str
    description: str

    def scope(self) -> contextlib.AbstractContextManager:
        """Inside it models and optimizers are built for these devices."""
        return self.strategy.scope()


def local_devices() -> Devices:
    """One device, a GPU when there is one, in float32."""
    return Devices(tf.distribute.get_strategy(), "float32", describe_device())


def describe_device() -> str:
    """The device that TensorFlow computes on."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    return ", ".join(names)

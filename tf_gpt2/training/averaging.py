"""An average of the weights over the steps, which is often the better model where the weights still wander.

The average of Karras et al. 2024, "Analyzing and Improving the Training Dynamics of Diffusion Models", section 3.1:
step s counts like s^g, so the average is as wide, measured in lengths of the run so far, at any length of it. It
needs neither a ramp nor the number of steps.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_gpt2.training.distributed.replicas import Replicas

AVERAGE = "average"  # the name of its variables in a checkpoint


class WeightAverage:
    """The average of a model's weights, as a second model.

    Args:
        model: The model that learns.
        average: A model of the same shape, which gets the averages.
        trained: Those of the first one's variables that learn; the others are the same in both.
        width: Standard deviation of the steps that it averages, in numbers of steps so far; above 0, below 0.28.
        replicas: The devices that train together; None for a single one.

    Attributes:
        model: The second model.
        variables: Its variables that change.
    """

    def __init__(
        self, model: keras.Model, average: keras.Model, trained: Sequence, width: float, replicas: Replicas | None
    ):
        for own, variable in zip(average.variables, model.variables, strict=True):
            own.assign(variable)
        learns = {id(variable) for variable in trained}
        pairs = list(zip(average.trainable_variables, model.trainable_variables, strict=True))
        self._pairs = [(own, variable) for own, variable in pairs if id(variable) in learns]
        self.model = average
        self.variables = [own for own, _ in self._pairs]
        for own in self.variables:
            own._name = AVERAGE
        self._exponent = exponent_of(width)
        self._replicas = replicas
        devices = len(replicas.devices) if replicas else 1
        self._programs = [tf.function(self._moved, jit_compile=True, autograph=False) for _ in range(devices)]

    def update(self, steps: int) -> None:
        """Takes the weights as they stand in, those of the `steps`th step that is averaged; the first is 1."""
        share = tf.constant(share_of(steps, self._exponent), tf.float32)
        if self._replicas is None:
            self._programs[0](share)
            return
        standing = [variable for pair in self._pairs for variable in pair]
        for number, program in enumerate(self._programs):
            with self._replicas.standing_at(number, standing):
                program(share)

    def _moved(self, share):
        for own, variable in self._pairs:
            own.value.assign((1 - share) * own.value + share * variable.value)


def share_of(steps: int, exponent: float) -> float:
    """What the newest of so many steps counts in the average, from 0 to 1."""
    return 1 - (1 - 1 / steps) ** (exponent + 1)


def exponent_of(width: float) -> float:
    """g of a profile s^g of that standard deviation in lengths of the run (Karras et al. 2024, algorithm 2)."""
    wanted = width**-2
    return float(np.roots([1, 7, 16 - wanted, 12 - wanted]).real.max())

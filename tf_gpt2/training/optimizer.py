"""The optimizers, Keras's own (Muon batched, muon.py), with GPT-2's decay rule.

Muon (Jordan 2024; scaling of Liu et al. 2025, arXiv 2502.16982) moves the matrices inside the blocks by an
orthogonalised momentum, scaled to the size of an Adam step; embeddings, biases and norms go by Adam. AdamW is that
of Loshchilov and Hutter 2019 with the betas of nanoGPT and GPT-3.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tf_gpt2.training.muon import BatchedMuon
from tf_gpt2.training.settings import Recipe

# In float16 gradients below 6e-8 vanish, so the loss is scaled up: by 2^15 first, twice as much after so many steps
# without an overflow, half as much after one, whose step is left out (Micikevicius et al. 2018, section 3.2).
_LOSS_SCALE, _STEPS_TO_GROW = 2.0**15, 2000


class _Decay:
    """Holds the weight decay; a variable that were the optimizer's own would go into its checkpoints."""

    def __init__(self, variable: keras.Variable):
        self.variable = variable


class DecayByVariable:
    """An optimizer whose weight decay may be settled after its step was compiled."""

    decay: _Decay

    def _apply_weight_decay(self, variables: Any) -> None:
        optimizer: Any = self
        for variable in filter(optimizer._use_weight_decay, variables):
            rate, decay = (
                ops.cast(value, variable.dtype) for value in (optimizer.learning_rate, self.decay.variable)
            )
            variable.assign(variable * (1 - decay * rate))


class DecayingMuon(DecayByVariable, BatchedMuon):
    """Muon with a weight decay that may change."""


class DecayingAdamW(DecayByVariable, keras.optimizers.AdamW):
    """AdamW with a weight decay that may change."""


def build_optimizer(
    recipe: Recipe, variables: list, precision: str = "float32", decay: keras.Variable | None = None
) -> keras.optimizers.Optimizer:
    """Returns the optimizer, built for `variables`; only matrices among them decay. A step sets its rate.

    For the precision "float16" it scales the loss and leaves a step with gradients that are not finite out.

    Args:
        recipe: The recipe.
        variables: What learns.
        precision: What the model's layers multiply in.
        decay: Holds the weight decay, where it may change; the recipe's otherwise.
    """
    common = {
        "learning_rate": 1e-3,  # until the first step sets it
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": recipe.clip_norm,
    }
    if recipe.optimizer == "muon":
        true_float32 = not tf.config.list_physical_devices("GPU")  # a GPU may multiply in TF32
        optimizer: Any = DecayingMuon(gram=true_float32, **common)
    else:
        optimizer = DecayingAdamW(beta_2=0.95, **common)
    optimizer.decay = _Decay(weight_decay_variable(recipe) if decay is None else decay)
    vectors = [variable for variable in variables if len(variable.shape) < 2]
    if vectors:
        optimizer.exclude_from_weight_decay(var_list=vectors)
    if precision == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(
            optimizer, initial_scale=_LOSS_SCALE, dynamic_growth_steps=_STEPS_TO_GROW
        )
    optimizer.build(variables)
    return optimizer


def weight_decay_variable(recipe: Recipe) -> keras.Variable:
    """The recipe's weight decay as a variable that compiled steps read."""
    return keras.Variable(recipe.weight_decay, trainable=False, dtype="float32", name="weight_decay")

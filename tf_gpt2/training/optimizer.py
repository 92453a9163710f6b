"""The optimizers, Keras's own (Muon batched, muon.py), with GPT-2's decay rule.

Muon (Jordan 2024; scaling of Liu et al. 2025, arXiv 2502.16982) moves the matrices inside the blocks by an
orthogonalised momentum, scaled to the size of an Adam step; biases and norms go by Adam, and embeddings, which may
have a rate and a decay of their own. AdamW is that
of Loshchilov and Hutter 2019 with the betas of nanoGPT and GPT-3.
"""

import keras
import tensorflow as tf

from tf_gpt2.training.muon import BatchedMuon
from tf_gpt2.training.settings import Recipe

# In float16 gradients below 6e-8 vanish, so the loss is scaled up: by 2^15 first, twice as much after so many steps
# without an overflow, half as much after one, whose step is left out (Micikevicius et al. 2018, section 3.2).
_LOSS_SCALE, _STEPS_TO_GROW = 2.0**15, 2000
_SIDE_BY_SIDE = {"qkv_kernel": 3}  # queries, keys and values are one variable (layers.py) and three maps


def build_optimizer(recipe: Recipe, variables: list, precision: str = "float32") -> keras.optimizers.Optimizer:
    """Returns the optimizer, built for `variables`; only matrices among them decay. A step sets its rate.

    For the precision "float16" it scales the loss and leaves a step with gradients that are not finite out.
    """
    common = {"learning_rate": 1e-3, "global_clipnorm": recipe.clip_norm}  # a step sets the rate
    if recipe.optimizer == "muon":
        true_float32 = not tf.config.list_physical_devices("GPU")  # a GPU may multiply in TF32
        optimizer = BatchedMuon(gram=true_float32, side_by_side=_SIDE_BY_SIDE, **common)
    else:
        optimizer = keras.optimizers.AdamW(beta_2=0.95, **common)
    set_constants(optimizer, recipe)
    vectors = [variable for variable in variables if len(variable.shape) < 2]
    if vectors:
        optimizer.exclude_from_weight_decay(var_list=vectors)
    if precision == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(
            optimizer, initial_scale=_LOSS_SCALE, dynamic_growth_steps=_STEPS_TO_GROW
        )
    optimizer.build(variables)
    return optimizer


def set_constants(optimizer: keras.optimizers.Optimizer, recipe: Recipe) -> None:
    """Sets weight decay and what is the embeddings' own; a step that was compiled before has others in it."""
    own = getattr(optimizer, "inner_optimizer", optimizer)
    own.weight_decay = recipe.weight_decay
    if isinstance(own, BatchedMuon):
        own.adam_weight_decay = recipe.embedding_decay * recipe.weight_decay
        own.embedding_rate = recipe.embedding_rate

"""The optimizers, Keras's own (Muon batched, muon.py), with GPT-2's decay rule.

Muon (Jordan 2024; scaling of Liu et al. 2025, arXiv 2502.16982) moves the matrices inside the blocks by an
orthogonalised momentum, scaled to the size of an Adam step; embeddings, biases and norms go by Adam. AdamW is that
of Loshchilov and Hutter 2019 with the betas of nanoGPT and GPT-3.
"""

import keras
import tensorflow as tf

from tf_gpt2.training.muon import BatchedMuon
from tf_gpt2.training.settings import Recipe


def build_optimizer(recipe: Recipe, variables: list) -> keras.optimizers.Optimizer:
    """Returns the optimizer, built for `variables`; only matrices among them decay. A step sets its rate."""
    common = {
        "learning_rate": 1e-3,  # until the first step sets it
        "weight_decay": recipe.weight_decay,
        "global_clipnorm": recipe.clip_norm,
    }
    if recipe.optimizer == "muon":
        true_float32 = not tf.config.list_physical_devices("GPU")  # a GPU may multiply in TF32
        optimizer = BatchedMuon(gram=true_float32, adam_weight_decay=recipe.weight_decay, **common)
    else:
        optimizer = keras.optimizers.AdamW(beta_2=0.95, **common)
    vectors = [variable for variable in variables if len(variable.shape) < 2]
    if vectors:
        optimizer.exclude_from_weight_decay(var_list=vectors)
    optimizer.build(variables)
    return optimizer

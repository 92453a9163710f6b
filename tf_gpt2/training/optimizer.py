"""The optimizers, Keras's own (Muon batched, muon.py), with GPT-2's decay rule and a warm-up and cosine schedule.

Muon (Jordan 2024; scaling of Liu et al. 2025, arXiv 2502.16982) moves the matrices inside the blocks by an
orthogonalised momentum, scaled to the size of an Adam step; embeddings, biases and norms go by Adam. AdamW is that
of Loshchilov and Hutter 2019 with the betas of nanoGPT and GPT-3.
"""

import math

import keras
import tensorflow as tf

from tf_gpt2.training.muon import BatchedMuon
from tf_gpt2.training.settings import TrainingSettings


def learning_rate(settings: TrainingSettings, step: int) -> float:
    """Learning rate of the step after `step` done ones: linear warm-up, then a cosine down to its final share.

    The schedule of Radford et al. 2018, section 4.1, with a floor instead of zero.
    """
    warmup = min(settings.warmup_steps, settings.steps - 1)
    if step < warmup:
        return settings.learning_rate * (step + 1) / (warmup + 1)
    done = min(1.0, (step - warmup) / max(1, settings.steps - warmup))
    floor = settings.final_learning_rate_share
    return settings.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def build_optimizer(settings: TrainingSettings, variables) -> keras.optimizers.Optimizer:
    """Returns the optimizer, built for `variables`; only matrices among them decay."""
    common = {
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "global_clipnorm": settings.clip_norm,
    }
    if settings.optimizer == "muon":
        true_float32 = not tf.config.list_physical_devices("GPU")  # a GPU may multiply in TF32
        optimizer = BatchedMuon(gram=true_float32, adam_weight_decay=settings.weight_decay, **common)
    else:
        optimizer = keras.optimizers.AdamW(beta_2=0.95, **common)
    vectors = [variable for variable in variables if len(variable.shape) < 2]
    if vectors:
        optimizer.exclude_from_weight_decay(var_list=vectors)
    optimizer.build(variables)
    return optimizer

"""One training on one device, and on two devices of a process: the same losses, dropout too."""

import contextlib
import dataclasses
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from commands import ROOT

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.windows import IGNORED
from tf_gpt2.dropout import Dropout, PartOfBatch
from tf_gpt2.model import build_model
from tf_gpt2.training.distributed.replicas import Replicas
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.memory import PLAIN, Sparing
from tf_gpt2.training.multi_token import MultiTokenLoss
from tf_gpt2.training.settings import Recipe

STEPS = 50
CONFIG = GPT2Config(vocabulary_size=31, context_length=8, num_layers=1, num_heads=2, hidden_dim=16, dropout=0.2)


def losses_of(strategy, *, parts=1, optimizer="muon", sparing=PLAIN, share=0.0, steps=STEPS):
    """Losses of some steps on batches whose rows have different numbers of targets, and a held-out loss."""
    keras.utils.set_random_seed(0)
    replicas = None if strategy is None else Replicas(strategy)
    with strategy.scope() if strategy else contextlib.nullcontext():
        recipe = Recipe(batch_size=8, accumulation_steps=parts, optimizer=optimizer, average_width=0.1)
        model, average = build_model(CONFIG), build_model(CONFIG)
        objective = MultiTokenLoss(model, share, sparing) if share else None
        learner = Learner(model, recipe, objective=objective, sparing=sparing, replicas=replicas, average=average)
    learner.follow(dataclasses.replace(recipe, weight_decay=0.5, embedding_rate=3.0, embedding_decay=2.0))
    tokens = np.random.default_rng(1).integers(0, 31, (8, 9)).astype(np.int32)
    losses = []
    for step in range(steps):
        x, y = tokens[:, :-1], tokens[:, 1:].copy()
        y[: step % 3, 3:] = IGNORED
        losses.append(float(learner.step(tf.constant(x), tf.constant(y), 3e-3)))
        learner.average.update(step + 1)
    batches = [
        (tf.constant(tokens[row : row + 2, :-1]), tf.constant(tokens[row : row + 2, 1:])) for row in (0, 2, 4)
    ]
    held_out = [learner.mean_loss(batches)[0], learner.mean_loss_of_average(batches)[0]]
    assert [type(loss) for loss in held_out] == [float, float]  # they go into checkpoints
    return losses + held_out


def test_parts_of_a_batch_draw_the_masks_of_the_whole():
    whole, parts = Dropout(0.5, seed=3), Dropout(0.5, seed=3)
    inputs = np.ones((6, 5, 7), np.float32)
    for _ in range(2):
        expected = np.asarray(whole(inputs, training=True))
        drawn = []
        for first in (0, 2, 4):
            with PartOfBatch(tf.constant(first, tf.uint32)) as part:
                drawn.append(parts(inputs[first : first + 2], training=True))
        np.testing.assert_array_equal(np.concatenate(drawn), expected)
        part.count()
    np.testing.assert_array_equal(parts.seed_generator.state, whole.seed_generator.state)


@pytest.mark.parametrize(
    ("sparing", "share"),
    [(PLAIN, 0.3), pytest.param(Sparing(strip=3, chunk=5, remat="full"), 0.0, marks=pytest.mark.slow)],
)
@pytest.mark.usefixtures("eager_or_compiled")
def test_accumulated_parts_train_as_the_whole_batch_does(sparing, share):
    whole, parts = (losses_of(None, parts=parts, sparing=sparing, share=share, steps=12) for parts in (1, 4))
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    assert whole[10] < whole[1]


@pytest.mark.slow
def test_the_replicated_step_is_the_step_of_one_device():
    one = tf.distribute.MirroredStrategy(["CPU:0"])
    np.testing.assert_allclose(losses_of(one, parts=2, steps=12), losses_of(None, steps=12), atol=1e-5)


# Devices are fixed at TensorFlow's first operation: a process of its own.
TWO = """
import json, sys
from tf_gpt2 import runtime
runtime.load_tensorflow()
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path[:0] = ["tests", "tests/training/distributed"]
from test_several_devices import Sparing, losses_of
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for changes in json.loads(sys.argv[1]):
    changes = {**changes, **({"sparing": Sparing(**changes["sparing"])} if "sparing" in changes else {})}
    print(json.dumps([losses_of(None, **{**changes, "parts": 1}), losses_of(two, **changes)]))
"""


def _one_and_two(*cases):
    done = subprocess.run(
        [sys.executable, "-c", TWO, json.dumps(cases)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


def test_two_devices_train_as_one_does():
    ((one, two),) = _one_and_two({"share": 0.3})
    assert len(one) == STEPS + 2 and one[-1] != one[-2] and one[STEPS - 1] < one[0] - 0.1
    np.testing.assert_allclose(two, one, atol=1e-5)


@pytest.mark.slow
def test_two_devices_train_as_one_does_in_every_form():
    cases = [
        {"parts": 2},
        {"optimizer": "adamw", "share": 0.3},
        {"parts": 4, "sparing": {"strip": 3, "chunk": 5, "remat": "full"}},
    ]
    for one, two in _one_and_two(*cases):
        np.testing.assert_allclose(two, one, atol=1e-5)

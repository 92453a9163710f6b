"""A training whose learner is a stand-in: its losses are a function of the text it sees, so nothing is compiled."""

import math
import types
import zlib

import keras
import numpy as np

from tf_gpt2.formats.training_checkpoint import open_checkpoint
from tf_gpt2.run_directory import CHECKPOINTS, checkpoint_path, checkpoint_steps, read_metrics
from tf_gpt2.training.loop import Trainer
from tf_gpt2.training.settings import Recipe, Rhythm, Schedule

STEPS, CONTEXT = 60, 8
RHYTHM = Rhythm(log_every=4, eval_every=20, sample_every=0, checkpoint_every=10)
TIMED = ("tokens_per_s", "input_wait")


class StandInLearner:
    """Its weights are sums over what it saw; its loss jumps at bad batches, and stays NaN from a step on."""

    def __init__(self, bad=(), nan_from=None, validation=lambda step: 4 - step / 100):
        self.recipe, self.parts = Recipe(batch_size=2, seed=3), 1
        self.rows, self.shard = 2, {}
        self.average = self.beside = None
        self.model = types.SimpleNamespace(variables=[])
        self.variables = [keras.Variable(np.zeros(3, np.float32), name="sums")]
        self._bad, self._nan_from, self._validation = set(bad), nan_from, validation
        self.seen, self.steps = [], 0

    def step(self, x, y, learning_rate):
        total = zlib.crc32(np.asarray(x).tobytes()) % (1 << 20)
        self.variables[0].assign_add(np.float32([total, learning_rate, 1]))
        self.seen.append(total)
        if self._nan_from and self.variables[0][2] >= self._nan_from:
            return math.nan
        return 50.0 if total in self._bad else 4 + total % 7 / 100

    def share(self):
        """It is alone."""

    def agreed(self, wish):
        return wish

    def copied_weights(self):
        return []

    def update_figures(self, before):
        return {"gradient_norm": 0.5, "update_ratio": 0.25}

    def mean_loss(self, batches):
        assert sum(1 for _ in batches) > 1
        return self._validation(int(self.variables[0][2])), 100


class StandInKeeper:
    """Notes what would be written."""

    def __init__(self):
        self.saved = []

    def snapshot(self):
        return lambda: self.saved.append("copy")

    def save(self):
        self.saved.append("model")

    def load(self):
        pass

    def describe(self):
        return {}

    def write_sample(self, step):
        return ""


def trainer_of(run_dir, corpus, learner, rhythm=RHYTHM, **options):
    """Trains a stand-in for `STEPS` steps."""
    return Trainer(
        *(run_dir, learner, corpus, Schedule(steps=STEPS), rhythm),
        **{"context_length": CONTEXT, "keeper": StandInKeeper(), **options},
    )


def files_of(run_dir):
    """Everything that must be the same whatever happened on the way."""
    newest = checkpoint_steps(run_dir / CHECKPOINTS)[-1]
    with open_checkpoint(checkpoint_path(run_dir / CHECKPOINTS, newest)) as file:
        stored = dict(file.metadata()), {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118
    lines = [line.model_dump() for line in read_metrics(run_dir).lines]
    return stored, [{name: v for name, v in line.items() if name not in TIMED} for line in lines]

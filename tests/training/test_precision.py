"""What a run computes in: the choice by device, bfloat16 beside float32, float16's scale of the loss."""

import keras
import numpy as np
import pytest

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.model import build_model
from tf_gpt2.training.checkpoints import restore_checkpoint, snapshot_checkpoint
from tf_gpt2.training.devices import Devices, Gpu, choose_precision, local_devices
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.memory import PLAIN, Sparing
from tf_gpt2.training.settings import Recipe

CONFIG = GPT2Config(vocabulary_size=40, context_length=16, num_layers=1, num_heads=2, hidden_dim=16, dropout=0.1)
PASCAL, TURING, AMPERE = Gpu("P100", (6, 0)), Gpu("T4", (7, 5)), Gpu("A100", (8, 0))


def _learner(precision, sparing=PLAIN, seed=0):
    devices = Devices(local_devices().strategy, precision, "")
    with devices.scope():
        keras.utils.set_random_seed(seed)
        return Learner(
            build_model(CONFIG), Recipe(batch_size=4, optimizer="adamw"), sparing=sparing, precision=precision
        )


def _batch(step=0):
    """Sequences that count upwards, from anywhere: something to learn."""
    start = np.random.default_rng(step).integers(0, 40, (4, 1))
    tokens = ((start + np.arange(17)) % 40).astype(np.int32)
    return tokens[:, :-1], tokens[:, 1:]


def _weights(learner):
    return [np.array(variable.value) for variable in learner.model.trainable_variables]


@pytest.mark.parametrize(
    ("asked", "gpus", "chosen"),
    [
        ("auto", [], "float32"),
        ("bfloat16", [], "bfloat16"),
        ("auto", [AMPERE], "bfloat16"),
        ("auto", [AMPERE, TURING], "float16"),
        ("auto", [PASCAL], "float32"),
        ("float16", [AMPERE], "float16"),
        ("float32", [AMPERE], "float32"),
    ],
)
def test_the_choice(asked, gpus, chosen):
    assert choose_precision(asked, gpus) == chosen


@pytest.mark.parametrize(
    ("asked", "gpus", "message"),
    [
        ("float16", [], "needs a GPU, and there is none; take float32"),
        ("bfloat16", [AMPERE, TURING], "compute capability 8.0 or more; T4 has 7.5; take float32"),
        ("float16", [PASCAL], "7.0 or more; P100 has 6.0"),
        ("float64", [], "must be one of auto, float32, bfloat16, float16; received 'float64'"),
    ],
)
def test_what_a_device_cannot_do_is_refused(asked, gpus, message):
    with pytest.raises(UserError, match=message) as refusal:
        choose_precision(asked, gpus)
    assert "\n" not in str(refusal.value)


def test_the_scope_ends_and_weights_stay_in_float32():
    before = keras.config.dtype_policy().name
    learner = _learner("bfloat16")
    assert keras.config.dtype_policy().name == before == "float32"
    assert learner.model.get_layer("block_0_mlp").compute_dtype == "bfloat16"
    assert {np.asarray(v.value).dtype.name for v in learner.variables} <= {"float32", "int32", "int64", "uint32"}


@pytest.mark.slow
def test_bfloat16_learns_as_float32_does():
    exact, rough = _learner("float32"), _learner("bfloat16", Sparing(strip=8, chunk=32))
    losses = np.array(
        [[float(learner.step(*_batch(step), 1e-2)) for learner in (exact, rough)] for step in range(50)]
    )
    assert losses[-1, 0] < 0.5 * losses[0, 0]
    np.testing.assert_allclose(losses[:, 1], losses[:, 0], atol=0.1)
    assert np.abs(losses[:, 1] - losses[:, 0]).max() > 0  # or it was float32
    assert exact.mean_loss([_batch(99)])[0] == pytest.approx(rough.mean_loss([_batch(99)])[0], abs=0.1)


@pytest.mark.usefixtures("eager_or_compiled")
def test_float16_leaves_a_step_that_overflows_out_and_halves_the_scale(tmp_path):
    learner = _learner("float16")
    step_counter, scale = learner.variables[-2:]
    before = _weights(learner)
    learner.step(*_batch(), 1e-2)
    moved = _weights(learner)
    assert max(np.abs(a - b).max() for a, b in zip(moved, before, strict=True)) > 1e-3
    assert float(scale) == 2.0**15
    scale.assign(2.0**40)
    assert np.isfinite(float(learner.step(*_batch(1), 1e-2)))
    np.testing.assert_equal(_weights(learner), moved)
    assert float(scale) == 2.0**39
    assert int(step_counter) == 0
    _check_resuming(tmp_path, learner)


def _check_resuming(folder, learner):
    """A run of float16 goes on in float32 and the other way round; within float16 the scale is kept."""
    snapshot_checkpoint(folder, 1, learner.variables, {}, keep=9)()
    same, other = _learner("float16", seed=1), _learner("float32", seed=1)
    for resumed in (same, other):
        restore_checkpoint(folder, 1, resumed.variables)
        np.testing.assert_equal(_weights(resumed), _weights(learner))
    assert float(same.variables[-1]) == 2.0**39
    snapshot_checkpoint(folder, 2, other.variables, {}, keep=9)()
    restore_checkpoint(folder, 2, _learner("float16", seed=1).variables)
    adam = Learner(build_model(CONFIG), Recipe(batch_size=4, optimizer="muon"))
    with pytest.raises(UserError, match="another model or optimizer"):
        restore_checkpoint(folder, 1, adam.variables)

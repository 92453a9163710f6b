import dataclasses
import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.formats.training_checkpoint import open_checkpoint
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import load_weights, model_weights
from tf_gpt2.run_directory import CHECKPOINTS, checkpoint_path, read_metrics
from tf_gpt2.training.averaging import exponent_of, share_of
from tf_gpt2.training.checkpoints import restore_checkpoint, snapshot_checkpoint
from tf_gpt2.training.gpt2 import GPT2Keeper, trained_variables
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.loop import Trainer
from tf_gpt2.training.settings import Recipe, Rhythm, Schedule
from tf_gpt2.training.state import LoopState

RHYTHM = Rhythm(log_every=1, eval_every=4, sample_every=0, checkpoint_every=3)
WIDTH = 0.1


@pytest.fixture(autouse=True, scope="module")
def _eager():
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def _trainer(run_dir, corpus, rhythm=RHYTHM, *, learning_rate=1e-2, average=True, **changes):
    recipe = Recipe(batch_size=4, seed=5, optimizer="adamw", average_width=WIDTH, **changes)
    config = GPT2Config(corpus.tokenizer.vocab_size, 12, num_layers=2, num_heads=2, hidden_dim=16, dropout=0.2)
    keras.utils.set_random_seed(recipe.seed)
    model = build_model(config)
    of_average = build_model(config) if average else None
    learner = Learner(model, recipe, trained_variables(model, recipe), average=of_average)
    schedule = Schedule(steps=8, learning_rate=learning_rate, warmup_steps=0)
    keepers = [GPT2Keeper(run_dir, kept, config, corpus.tokenizer) for kept in (model, of_average or model)]
    return Trainer(
        *(run_dir, learner, corpus, schedule, rhythm),
        context_length=12,
        keeper=keepers[0],
        average_keeper=keepers[1],
    )


def _averages(trainer):
    return [np.array(variable) for variable in trainer.learner.average.variables]


def _validations(run_dir):
    return [line for line in read_metrics(run_dir).lines if line.split == "validation"]


def test_the_profile_has_the_width_asked_for():
    for width in (0.02, 0.1, 0.2):
        g = exponent_of(width)
        times = (np.arange(200_000) + 0.5) / 200_000
        weights = times**g / np.sum(times**g)
        mean = np.sum(weights * times)
        assert np.sqrt(np.sum(weights * (times - mean) ** 2)) == pytest.approx(width, rel=1e-3)


def test_the_average_is_that_of_numpy(tmp_path, small_corpus):
    trainer = _trainer(tmp_path, small_corpus)
    seen = []
    update = trainer.learner.average.update

    def noted(steps):
        seen.append([np.array(variable, np.float64) for variable in trainer.learner._trained])
        update(steps)

    trainer.learner.average.update = noted
    trainer.train()
    g = exponent_of(WIDTH)
    weights = np.array([share_of(step, g) for step in range(1, 9)])
    weights *= np.append(np.cumprod(1 - weights[:0:-1])[::-1], 1)  # what each step counts for in the end
    assert np.sum(weights) == pytest.approx(1) and np.all(np.diff(weights) > 0)
    for place, averaged in enumerate(_averages(trainer)):
        expected = sum(weight * step[place] for weight, step in zip(weights, seen, strict=True))
        np.testing.assert_allclose(averaged, expected, rtol=2e-6, atol=1e-7)
        assert np.abs(averaged - seen[-1][place]).max() > 1e-4


@pytest.mark.parametrize("better", ["weights", "average"])
def test_the_better_one_is_kept_and_measured(tmp_path, small_corpus, better):
    # Steps so small that the weights only get better, and so wide that they wander to the end.
    trainer = _trainer(tmp_path, small_corpus, learning_rate={"weights": 3e-3, "average": 0.3}[better])
    trainer.schedule = dataclasses.replace(trainer.schedule, final_learning_rate_share=1.0)
    judged = []
    trainer.validation.originality = lambda keeper: judged.append(keeper) or {"copied_share": 0.5}
    trainer.train()
    last = _validations(tmp_path)[-1].model_extra
    other = {"weights": "average", "average": "weights"}[better]
    assert last[f"{better}_loss"] < last[f"{other}_loss"]
    assert trainer.state.best_step == 8 and trainer.state.best_is_average == (better == "average")
    assert (
        trainer.state.best_validation_loss == last[f"{better}_loss"] == read_metrics(tmp_path).best_validation_loss
    )
    kept = {"weights": trainer._keeper, "average": trainer.validation._average_keeper}[better]
    assert judged[-1] is kept
    stored = load_weights(tmp_path, kept._config)
    for name, array in model_weights(kept._model, kept._config).items():
        np.testing.assert_array_equal(stored[name], array)


def test_a_stopped_run_has_the_same_average(tmp_path, small_corpus):
    whole = _trainer(tmp_path / "whole", small_corpus)
    whole.train()
    rhythm = dataclasses.replace(RHYTHM, sample_every=5)
    first = _trainer(tmp_path / "parts", small_corpus, rhythm)
    first._keeper.write_sample = lambda step: os.kill(os.getpid(), signal.SIGINT) or ""
    with pytest.raises(KeyboardInterrupt):
        first.train()
    second = _trainer(tmp_path / "parts", small_corpus)
    assert second.restore() and second.state.averaged_steps == 5
    second.train()
    for one, other in zip(_averages(whole), _averages(second), strict=True):
        np.testing.assert_array_equal(one, other)
    losses = [
        [line.model_extra["average_loss"] for line in _validations(tmp_path / name)] for name in ("whole", "parts")
    ]
    assert losses[0] == losses[1]


def test_a_run_from_before_there_were_averages_begins_one(tmp_path, small_corpus):
    before = _trainer(tmp_path, small_corpus, dataclasses.replace(RHYTHM, checkpoint_every=4), average=False)
    before.schedule = dataclasses.replace(before.schedule, steps=4)
    before.train()
    trainer = _trainer(tmp_path, small_corpus)
    assert trainer.restore() and trainer.state.averaged_steps == 0
    trainer.schedule = dataclasses.replace(trainer.schedule, steps=5)
    trainer.train()
    for averaged, variable in zip(_averages(trainer), trainer.learner._trained, strict=True):
        np.testing.assert_array_equal(averaged, np.array(variable))


def test_going_back_takes_the_average_back(tmp_path, small_corpus):
    trainer = _trainer(tmp_path, small_corpus)
    trainer.train()
    at_six = _trainer(tmp_path, small_corpus)
    state = LoopState.of(restore_checkpoint(tmp_path / CHECKPOINTS, 6, at_six.learner.variables))
    assert state.averaged_steps == 6
    with open_checkpoint(checkpoint_path(tmp_path / CHECKPOINTS, 6)) as file:
        keys = [key for key in file.keys() if key.endswith("/average")]  # noqa: SIM118
        for key, averaged in zip(keys, _averages(at_six), strict=True):
            np.testing.assert_array_equal(file.get_tensor(key), averaged)


def test_what_is_frozen_is_the_same_in_the_average(tmp_path, small_corpus):
    trainer = _trainer(tmp_path, small_corpus, frozen_layers=1, freeze_embeddings=True)
    trainer.train()
    average, weights = (
        model_weights(model, trainer._keeper._config)
        for model in (trainer.learner.average.model, trainer.learner.model)
    )
    differing = {name for name in weights if not np.array_equal(weights[name], average[name])}
    assert differing and all(name.startswith(("h.1.", "ln_f.")) for name in differing)
    assert len(_averages(trainer)) == len(trainer.learner._trained) == 14


def test_half_precision_has_its_average_beside_the_scale(tmp_path):
    config = GPT2Config(11, context_length=6, num_layers=1, num_heads=2, hidden_dim=8, dropout=0.0)
    recipe = Recipe(batch_size=2, optimizer="muon", average_width=WIDTH)

    def learner(precision):
        return Learner(build_model(config), recipe, precision=precision, average=build_model(config))

    scaled = learner("float16")
    scaled.average.variables[0].assign(scaled.average.variables[0] + 1)
    snapshot_checkpoint(tmp_path, 1, scaled.variables, {}, keep=1)()
    full = learner("float32")
    restore_checkpoint(tmp_path, 1, full.variables)
    for one, other in zip(scaled.average.variables, full.average.variables, strict=True):
        np.testing.assert_array_equal(np.array(one), np.array(other))

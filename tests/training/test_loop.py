import os
import signal
import threading

import keras
import numpy as np
import pytest

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.errors import UserError
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import load_model, model_weights
from tf_gpt2.run_directory import read_metrics
from tf_gpt2.training.gpt2 import GPT2Keeper, trained_variables
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.loop import Trainer, training_batches
from tf_gpt2.training.settings import Recipe, Rhythm, Schedule

RHYTHM = Rhythm(log_every=1, eval_every=4, sample_every=0, checkpoint_every=3)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("novel")
    words = ("却说曹操引兵", "玄德大喜", "孔明曰", "云长提刀", "翼德大叫", "诸将皆惊")
    picks = np.random.default_rng(0).integers(0, len(words), 400)
    (folder / "novel.txt").write_text("，".join(words[pick] for pick in picks), encoding="utf-8")
    return prepare_corpus([folder / "novel.txt"], cache_dir=folder / "cache")


def _trainer(run_dir, corpus, *, rhythm=RHYTHM, num_layers=1, **changes):
    timing = ("steps", "learning_rate", "warmup_steps")
    schedule = Schedule(**{"steps": 8, "learning_rate": 1e-2, **{k: v for k, v in changes.items() if k in timing}})
    recipe = Recipe(**{"batch_size": 4, "seed": 5, **{k: v for k, v in changes.items() if k not in timing}})
    config = GPT2Config(
        corpus.tokenizer.vocab_size,
        context_length=12,
        num_layers=num_layers,
        num_heads=2,
        hidden_dim=16,
        dropout=0.2,
    )
    keras.utils.set_random_seed(recipe.seed)
    return _assemble(run_dir, build_model(config), config, corpus, recipe, schedule, rhythm)


def _assemble(run_dir, model, config, corpus, recipe, schedule, rhythm):
    learner = Learner(model, recipe, trained_variables(model, recipe))
    keeper = GPT2Keeper(run_dir, model, config, corpus.tokenizer)
    return Trainer(run_dir, learner, corpus, schedule, rhythm, context_length=config.context_length, keeper=keeper)


def _weights(trainer):
    return model_weights(trainer.learner.model, trainer._keeper._config)


def _losses(run_dir):
    return [line.loss for line in read_metrics(run_dir).lines if line.split == "train"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, corpus):
    trainer = _trainer(tmp_path_factory.mktemp("run"), corpus)
    trainer.train()
    return trainer


def test_the_loss_falls_and_everything_is_reported(finished):
    lines = read_metrics(finished.run_dir).lines
    assert [line.step for line in lines if line.split == "train"] == list(range(1, 9))
    assert [line.step for line in lines if line.split == "validation"] == [4, 8]
    assert _losses(finished.run_dir)[-1] < _losses(finished.run_dir)[0]
    assert all({"loss", "learning_rate"} <= set(line.model_dump()) for line in lines if line.split == "train")


def test_the_model_directory_holds_the_best_model(finished, corpus):
    model, config = load_model(finished.run_dir)
    assert finished.state.best_step == 8
    recipe, schedule = finished.learner.recipe, finished.schedule
    loss = _assemble(finished.run_dir, model, config, corpus, recipe, schedule, RHYTHM).validate()
    assert loss == pytest.approx(finished.state.best_validation_loss, abs=1e-6)


def test_the_held_out_loss_counts_every_token_once(finished, corpus, monkeypatch):
    counted = []

    def mean_loss(batches):
        counted.append(finished.learner._eval_step.mean_loss(batches)[1])
        return 0.0, 0

    monkeypatch.setattr(finished.learner, "mean_loss", mean_loss)
    finished.validate()
    assert counted == [len(corpus.validation_tokens) - 1]


@pytest.mark.parametrize("accumulation_steps", [1, 2])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path, corpus, accumulation_steps):
    whole = _trainer(tmp_path / "whole", corpus, accumulation_steps=accumulation_steps)
    whole.train()
    first = _trainer(tmp_path / "parts", corpus, accumulation_steps=accumulation_steps)
    first._keeper.write_sample = lambda step: os.kill(os.getpid(), signal.SIGINT) or ""
    first.rhythm = Rhythm(log_every=1, eval_every=4, sample_every=5, checkpoint_every=3)
    with pytest.raises(KeyboardInterrupt):
        first.train()
    second = _trainer(tmp_path / "parts", corpus, accumulation_steps=accumulation_steps)
    assert second.restore()
    assert second.state.step == 6  # the signal of step 5 is met after the step under way
    second.train()
    assert _losses(tmp_path / "parts") == _losses(tmp_path / "whole")
    for name, array in _weights(whole).items():
        np.testing.assert_array_equal(_weights(second)[name], array, err_msg=name)


def test_a_loss_that_is_not_finite_stops_with_step_and_remedy(tmp_path, corpus):
    trainer = _trainer(tmp_path, corpus, learning_rate=1e30, optimizer="adamw", warmup_steps=0)
    with pytest.raises(UserError, match=r"at step \d+ with the learning rate .*smaller `learning_rate`"):
        trainer.train()
    assert not (tmp_path / "model.safetensors").exists()


def test_timing_the_step_changes_nothing(tmp_path, corpus, finished):
    trainer = _trainer(tmp_path, corpus)
    batches = training_batches(corpus, trainer.learner, 12)
    assert trainer.learner.seconds_per_step(batches, 1e-2, 3) > 0
    trainer.train()
    assert _losses(tmp_path) == _losses(finished.run_dir)


def test_frozen_parts_stay_as_they_are(tmp_path, corpus):
    trainer = _trainer(tmp_path, corpus, num_layers=2, frozen_layers=1, freeze_embeddings=True, steps=2)
    before = _weights(trainer)
    trainer.train()
    after = _weights(trainer)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(("h.1.", "ln_f.")) for name in changed)


def test_training_works_outside_the_main_thread(tmp_path, corpus):
    trainer = _trainer(tmp_path, corpus, steps=1)
    thread = threading.Thread(target=trainer.train)
    thread.start()
    thread.join()
    assert trainer.state.step == 1

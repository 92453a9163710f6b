import dataclasses
import os
import shutil
import signal
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.formats.training_checkpoint import newest_whole_step
from tf_gpt2.generation import TextGenerator
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import load_model, load_weights, model_weights
from tf_gpt2.run_directory import CHECKPOINTS, checkpoint_path, checkpoint_steps, read_metrics
from tf_gpt2.training.batches import training_batches
from tf_gpt2.training.gpt2 import GPT2Keeper, trained_variables
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.lock import RunLock
from tf_gpt2.training.loop import Trainer
from tf_gpt2.training.originality import originality_probe
from tf_gpt2.training.settings import Recipe, Rhythm, Schedule

RHYTHM = Rhythm(log_every=1, eval_every=4, sample_every=0, checkpoint_every=3)


@pytest.fixture(autouse=True, scope="module")
def _eager():
    """Eight steps take less time than tracing and compiling one; test_steps.py and test_train.py have that."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def corpus(small_corpus):
    return small_corpus


def _trainer(run_dir, corpus, *, rhythm=RHYTHM, num_layers=1, **changes):
    tied = changes.pop("tie_embeddings", True)
    timing = ("steps", "learning_rate", "warmup_steps")
    schedule = Schedule(**{"steps": 8, "learning_rate": 1e-2, **{k: v for k, v in changes.items() if k in timing}})
    recipe = Recipe(
        **{
            "batch_size": 4,
            "seed": 5,
            "optimizer": "adamw",
            **{k: v for k, v in changes.items() if k not in timing},
        }
    )
    config = GPT2Config(
        corpus.tokenizer.vocab_size,
        tie_embeddings=tied,
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


@pytest.mark.parametrize(("steps", "told"), [(10, 0), (11, 1)])
def test_the_pace_of_the_first_steps_is_told_while_some_are_left(tmp_path, corpus, steps, told):
    paces = []
    trainer = _trainer(tmp_path, corpus, rhythm=Rhythm(1, 0, 0, 0), steps=steps)
    trainer._on_pace = paces.append
    trainer.train()
    assert len(paces) == told


def test_the_model_directory_holds_the_best_model(finished, corpus):
    model, config = load_model(finished.run_dir)
    assert finished.state.best_step == 8
    recipe, schedule = finished.learner.recipe, finished.schedule
    loss = _assemble(finished.run_dir, model, config, corpus, recipe, schedule, RHYTHM).validation.loss()
    assert loss == pytest.approx(finished.state.best_validation_loss, abs=1e-6)


def test_the_held_out_loss_counts_every_token_once(finished, corpus, monkeypatch):
    counted = []

    def mean_loss(batches):
        counted.append(finished.learner._eval_step.mean_loss(batches)[1])
        return 0.0, 0

    monkeypatch.setattr(finished.learner, "mean_loss", mean_loss)
    finished.validation.loss()
    assert counted == [corpus.validation.targets]


@pytest.mark.parametrize(
    ("optimizer", "accumulation_steps"), [("muon", 1), pytest.param("adamw", 2, marks=pytest.mark.slow)]
)
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path, corpus, optimizer, accumulation_steps):
    changes = {"optimizer": optimizer, "accumulation_steps": accumulation_steps}
    whole = _trainer(tmp_path / "whole", corpus, **changes)
    whole.train()
    first = _trainer(tmp_path / "parts", corpus, **changes)
    first._keeper.write_sample = lambda step: os.kill(os.getpid(), signal.SIGINT) or ""
    first.rhythm = Rhythm(log_every=1, eval_every=4, sample_every=5, checkpoint_every=3)
    with pytest.raises(KeyboardInterrupt):
        first.train()
    second = _trainer(tmp_path / "parts", corpus, **changes)
    assert second.restore()
    assert second.state.step == 5
    second.train()
    assert _losses(tmp_path / "parts") == _losses(tmp_path / "whole")
    for name, array in _weights(whole).items():
        np.testing.assert_array_equal(_weights(second)[name], array, err_msg=name)


def test_a_line_is_the_mean_since_the_last_one_and_resuming_keeps_it(tmp_path, corpus, finished):
    losses = np.array(_losses(finished.run_dir))
    rhythm = Rhythm(log_every=3, eval_every=4, sample_every=5, checkpoint_every=5)
    whole = _trainer(tmp_path / "whole", corpus, rhythm=rhythm)
    whole._keeper.write_sample = lambda step: ""
    whole.train()
    assert _losses(tmp_path / "whole") == pytest.approx([losses[:3].mean(), losses[3:6].mean(), losses[6:].mean()])
    parts = _trainer(tmp_path / "parts", corpus, rhythm=rhythm)
    parts._keeper.write_sample = lambda step: os.kill(os.getpid(), signal.SIGINT) or ""
    with pytest.raises(KeyboardInterrupt):
        parts.train()
    assert _losses(tmp_path / "parts") == _losses(tmp_path / "whole")[:1]  # stopping writes no line of its own
    again = _trainer(tmp_path / "parts", corpus, rhythm=rhythm)
    assert again.restore() and again.state.unlogged_steps == 2
    again._keeper.write_sample = lambda step: ""
    again.train()
    assert _losses(tmp_path / "parts") == _losses(tmp_path / "whole")


def test_a_stop_between_two_lines_keeps_what_was_summed(tmp_path, corpus):
    whole = _trainer(tmp_path / "whole", corpus, rhythm=Rhythm(log_every=8, sample_every=0))
    whole.train()
    rhythm = Rhythm(log_every=8, sample_every=5)
    parts = _trainer(tmp_path / "parts", corpus, rhythm=rhythm)
    parts._keeper.write_sample = lambda step: os.kill(os.getpid(), signal.SIGINT) or ""
    with pytest.raises(KeyboardInterrupt):
        parts.train()
    again = _trainer(tmp_path / "parts", corpus, rhythm=Rhythm(log_every=8, sample_every=0))
    assert again.restore() and again.state.unlogged_steps == 5
    again.train()
    assert _losses(tmp_path / "parts") == _losses(tmp_path / "whole")


def test_a_stop_before_the_first_validation_leaves_a_model(tmp_path, corpus):
    trainer = _trainer(tmp_path, corpus, rhythm=Rhythm(log_every=1, eval_every=100, sample_every=2))
    trainer._keeper.write_sample = lambda step: os.kill(os.getpid(), signal.SIGINT) or ""
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    weights = load_weights(tmp_path, trainer._keeper._config)
    for name, array in _weights(trainer).items():
        np.testing.assert_array_equal(weights[name], array)


@pytest.mark.parametrize("tied", [True, False])
def test_a_checkpoint_alone_makes_a_model_directory(tmp_path, corpus, finished, tied):
    if tied:
        trainer = finished
        shutil.copytree(finished.run_dir, tmp_path, dirs_exist_ok=True)
    else:
        trainer = _trainer(tmp_path, corpus, tie_embeddings=False, steps=4)
        trainer.train()
    corpus.tokenizer.save(tmp_path / "checkpoints")
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).unlink()
    model, config = load_model(tmp_path)
    assert config == trainer._keeper._config
    for name, array in _weights(trainer).items():
        np.testing.assert_array_equal(model_weights(model, config)[name], array)
    assert (tmp_path / "model.safetensors").exists() and (tmp_path / "tokenizer.json").exists()


def test_a_flipped_bit_takes_the_checkpoint_before_it(tmp_path, corpus, finished, caplog):
    shutil.copytree(finished.run_dir, tmp_path, dirs_exist_ok=True)
    newest = checkpoint_path(tmp_path / "checkpoints", 8)
    data = bytearray(newest.read_bytes())
    data[-1000] ^= 4
    newest.write_bytes(bytes(data))
    trainer = _trainer(tmp_path, corpus)
    assert trainer.restore() and trainer.state.step == newest_whole_step(tmp_path / "checkpoints") == 6
    assert (
        "step-00000008.safetensors is damaged: its checksum is wrong; taking the checkpoint before it"
        in caplog.text
    )
    older = checkpoint_path(tmp_path / "checkpoints", 6)
    older.write_bytes(older.read_bytes()[:-1])
    with pytest.raises(UserError, match="step-00000006.*damaged"):
        _trainer(tmp_path, corpus).restore()
    assert newest_whole_step(tmp_path / "checkpoints") == 0


def test_without_validation_the_last_model_is_kept(tmp_path, corpus):
    silent = dataclasses.replace(corpus, validation=dataclasses.replace(corpus.test))
    trainer = _trainer(tmp_path, silent)
    trainer.train()
    assert {line.split for line in read_metrics(tmp_path).lines} == {"train"}
    weights = load_weights(tmp_path, trainer._keeper._config)
    for name, array in _weights(trainer).items():
        np.testing.assert_array_equal(weights[name], array)


def test_the_test_span_is_measured_at_the_end_on_the_kept_model(tmp_path, corpus):
    tested = dataclasses.replace(corpus, test=corpus.validation)
    trainer = _trainer(tmp_path, tested)
    trainer.train()
    assert trainer.test_loss == pytest.approx(trainer.state.best_validation_loss, abs=1e-6)
    assert [(line.step, line.split) for line in read_metrics(tmp_path).lines][-1] == (8, "test")


def test_a_removed_run_directory_ends_the_run(tmp_path, corpus):
    with RunLock(tmp_path / "run") as lock:
        trainer = _trainer(tmp_path / "run", corpus)
        trainer._check = lock.check
        trainer._keeper.snapshot = lambda: lambda: shutil.rmtree(tmp_path / "run")
        with pytest.raises(UserError, match="removed or replaced"):
            trainer.train()
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_stops_with_step_and_remedy(tmp_path, corpus):
    trainer = _trainer(tmp_path, corpus, learning_rate=1e30, warmup_steps=0)
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


def test_what_the_model_copies_is_reported_and_may_end_the_training(tmp_path, corpus):
    for limit, steps in ((None, 8), (0.3, 6)):
        shares = iter([0.0, 0.2, 0.4, 0.9])
        trainer = _trainer(tmp_path / str(limit), corpus, rhythm=dataclasses.replace(RHYTHM, eval_every=2))
        trainer.validation.originality = lambda _, shares=shares: {"copied_share": next(shares)}
        trainer.validation.stop_when_copying = limit
        trainer.train()
        lines = [line for line in read_metrics(trainer.run_dir).lines if line.split == "validation"]
        assert [line.model_extra["copied_share"] for line in lines] == [0.0, 0.2, 0.4, 0.9][: steps // 2]
        assert trainer.state.step == steps
        assert trainer.validation.copies_too_much(trainer.state) == bool(limit)
        assert checkpoint_steps(trainer.run_dir / CHECKPOINTS)[-1] == steps


def test_a_model_that_recites_is_measured(tmp_path, corpus):
    trainer = _trainer(tmp_path, corpus)
    probe = originality_probe(corpus)
    figures = trainer._keeper.measure(probe)
    assert set(figures) == {"copied_share", "longest_copied_run", "distinct_4", "repeated_share"}
    assert figures["copied_share"] == 0.0 < figures["distinct_4"] <= 1.0  # random weights
    trainer.learner.model.variables[0].assign(-trainer.learner.model.variables[0])  # it learns
    weights, config = model_weights(trainer.learner.model, trainer._keeper._config), trainer._keeper._config
    fresh = TextGenerator(config, weights, corpus.tokenizer, jit_compile=False)
    assert trainer._keeper.measure(probe) == probe(fresh) != figures

"""The token after the next one: its targets, its share of the loss, and a run that goes on with its head."""

import dataclasses
import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.windows import IGNORED
from tf_gpt2.errors import UserError
from tf_gpt2.formats.training_checkpoint import checkpoint_model
from tf_gpt2.model import build_model
from tf_gpt2.model_directory import load_weights
from tf_gpt2.run_directory import CHECKPOINTS
from tf_gpt2.training.gpt2 import GPT2Keeper
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.loop import Trainer
from tf_gpt2.training.memory import PLAIN, Sparing
from tf_gpt2.training.multi_token import MultiTokenLoss, further_targets
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.settings import Recipe, Rhythm, Schedule
from tf_gpt2.training.steps import next_token_loss, token_losses

CONFIG = GPT2Config(vocabulary_size=17, context_length=6, num_layers=2, num_heads=2, hidden_dim=8, dropout=0.0)
SHARE = 0.3


@pytest.fixture
def model():
    keras.utils.set_random_seed(3)
    return build_model(CONFIG)


def _batch(seed=0, rows=4):
    ids = np.random.default_rng(seed).integers(0, 17, (rows, 7)).astype("int32")
    return tf.constant(ids[:, :-1]), tf.constant(ids[:, 1:])


def test_further_targets_are_the_next_ones_and_end_with_their_text():
    y = np.array([[5, 6, IGNORED, 7, 8, 9]], "int32")
    np.testing.assert_array_equal(further_targets(tf.constant(y)), [[6, IGNORED, IGNORED, 8, 9, IGNORED]])


@pytest.mark.parametrize("sparing", [PLAIN, Sparing(strip=2, chunk=5, remat="blocks")], ids=["plain", "sparing"])
def test_the_loss_is_that_of_both_heads_in_numpys_words(model, sparing):
    x, y = _batch()
    objective = MultiTokenLoss(model, SHARE, sparing)
    further = np.random.default_rng(1).normal(0, 0.5, (8, 8)).astype("float32")
    objective.variables[0].assign(further)
    hidden = keras.Model(model.input, model.get_layer("final_norm").output)(x)
    table = model.get_layer("token_embedding").embeddings.numpy()
    logits = np.asarray(hidden + hidden @ further) @ table.T
    second = tf.reduce_sum(token_losses(tf.constant(logits), further_targets(y)))
    first = next_token_loss(model, x, y, False)
    np.testing.assert_allclose(objective(model, x, y, True), first + SHARE * second, rtol=1e-5)
    np.testing.assert_allclose(objective(model, x, y, False), first, rtol=1e-5)


def test_its_head_learns_and_the_model_keeps_its_variables(model):
    recipe = Recipe(batch_size=4, weight_decay=0.0, multi_token_share=SHARE)
    names = [variable.path for variable in model.variables]
    objective = MultiTokenLoss(model, SHARE)
    learner = Learner(model, recipe, objective=objective)
    x, y = _batch()
    losses = [float(learner.step(x, y, 1e-2)) for _ in range(30)]
    assert losses[-1] < losses[0] - 0.5
    assert np.abs(objective.variables[0].numpy()).max() > 1e-3
    assert any(variable is objective.variables[0] for variable in learner.variables)  # so a checkpoint has it
    assert [variable.path for variable in model.variables] == names


def _trainer(run_dir, corpus, rhythm, share=SHARE):
    config = dataclasses.replace(CONFIG, vocabulary_size=corpus.tokenizer.vocab_size, num_layers=1, dropout=0.2)
    recipe = Recipe(batch_size=4, seed=5, multi_token_share=share)
    keras.utils.set_random_seed(recipe.seed)
    model = build_model(config)
    learner = Learner(model, recipe, objective=MultiTokenLoss(model, share) if share else None)
    schedule = Schedule(steps=8, learning_rate=1e-2, warmup_steps=0)
    keeper = GPT2Keeper(run_dir, model, config, corpus.tokenizer)
    return Trainer(*(run_dir, learner, corpus, schedule, rhythm), context_length=6, keeper=keeper)


def test_a_stopped_run_goes_on_with_its_head(tmp_path, small_corpus):
    rhythm = Rhythm(log_every=1, eval_every=4, sample_every=0, checkpoint_every=3)
    whole = _trainer(tmp_path / "whole", small_corpus, rhythm)
    whole.train()
    first = _trainer(tmp_path / "parts", small_corpus, dataclasses.replace(rhythm, sample_every=5))
    first._keeper.write_sample = lambda step: os.kill(os.getpid(), signal.SIGINT) or ""
    with pytest.raises(KeyboardInterrupt):
        first.train()
    with pytest.raises(UserError, match="belongs to another model or optimizer"):
        _trainer(tmp_path / "parts", small_corpus, rhythm, share=0.0).restore()
    second = _trainer(tmp_path / "parts", small_corpus, rhythm)
    assert second.restore()
    second.train()
    for one, other in zip(whole.learner.variables, second.learner.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    further = next(v for v in whole.learner.variables if v.name == "further_kernel")
    assert np.abs(further.numpy()).max() > 0
    config, weights = checkpoint_model(tmp_path / "whole" / CHECKPOINTS, 8)
    kept = load_weights(tmp_path / "whole", config)
    assert set(kept) == set(weights)  # a plain GPT-2


def test_it_is_refused_beside_teachers_and_out_of_range():
    with pytest.raises(UserError, match="`multi_token_share` has no effect with `distill_from`"):
        TrainingOptions(multi_token_share=0.2, distill_from=("runs/a",))
    with pytest.raises(UserError, match="`multi_token_share` must be from 0 to 1"):
        Recipe(batch_size=1, multi_token_share=1.5)

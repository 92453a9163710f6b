"""A learner whose memory does not suffice, by an objective that says so of more than some sequences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.model import build_model
from tf_gpt2.training.learner import Learner
from tf_gpt2.training.memory import Sparing, plan_sparing
from tf_gpt2.training.settings import Recipe
from tf_gpt2.training.steps import next_token_loss

CONFIG = GPT2Config(vocabulary_size=31, context_length=8, num_layers=1, num_heads=2, hidden_dim=16, dropout=0.0)


def _learner(most_rows, batch_size=6):
    def objective(model, x, y, training):
        if x.shape[0] > most_rows:
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
        return next_token_loss(model, x, y, training)

    keras.utils.set_random_seed(0)
    return Learner(build_model(CONFIG), Recipe(batch_size=batch_size, optimizer="adamw"), objective=objective)


def _gradient_norm(model):
    x, y = _batch()
    with tf.GradientTape() as tape:
        loss = next_token_loss(model, x, y, False) / y.size
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    return np.sqrt(sum(np.square(tf.convert_to_tensor(gradient).numpy()).sum() for gradient in gradients))


def _update_ratio(model, before):
    before = [weights.numpy() for weights in before]
    change = [np.asarray(v.value) - w for v, w in zip(model.trainable_variables, before, strict=True)]
    return np.sqrt(sum(np.square(c).sum() for c in change) / sum(np.square(w).sum() for w in before))


def _batch(rows=6):
    tokens = np.random.default_rng(2).integers(0, 31, (rows, 9)).astype(np.int32)
    return tokens[:, :-1], tokens[:, 1:]


@pytest.mark.usefixtures("eager_or_compiled")
def test_out_of_memory_takes_more_parts_and_goes_on(caplog):
    caplog.set_level("INFO")
    whole, small = _learner(6), _learner(2)
    norm, before = _gradient_norm(whole.model), [learner.copied_weights() for learner in (whole, small)]
    for number in range(2):
        assert float(small.step(*_batch(), 1e-2)) == pytest.approx(float(whole.step(*_batch(), 1e-2)), abs=1e-5)
        for learner, weights in zip((whole, small), before, strict=True) if number == 0 else ():
            figures = learner.update_figures(weights)
            assert float(figures["gradient_norm"]) == pytest.approx(norm, rel=1e-4)
            assert float(figures["update_ratio"]) == pytest.approx(_update_ratio(learner.model, weights), rel=1e-4)
    assert (whole.parts, small.parts) == (1, 6)
    assert [record.message for record in caplog.records if "memory" in record.message] == [
        "memory does not suffice for 6 sequences at once: each batch is computed in 2 parts of 3 from here on, as "
        "with `accumulation_steps`=2",
        "memory does not suffice for 3 sequences at once: each batch is computed in 6 parts of 1 from here on, as "
        "with `accumulation_steps`=6",
    ]
    weights = [[np.asarray(v.value) for v in learner.model.trainable_variables] for learner in (small, whole)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_not_enough_for_one_sequence_is_said():
    with pytest.raises(UserError, match="one sequence at a time, and does not; take `remat`=full") as refusal:
        _learner(0).step(*_batch(), 1e-2)
    assert "\n" not in str(refusal.value)


def test_small_shapes_keep_the_plain_form():
    """The demo, and jinyong's windows of 256: their steps are what they were, to the last bit."""
    demo = GPT2Config(3318, context_length=64, num_layers=3, num_heads=3, hidden_dim=192)
    assert plan_sparing(demo, 16, 64) == Sparing()
    jinyong = GPT2Config(13_317, num_layers=10)
    assert plan_sparing(jinyong, 4, 256) == Sparing()
    assert plan_sparing(jinyong, 8, 1024, "blocks") == Sparing(strip=256, chunk=2048, remat="blocks")
    assert plan_sparing(GPT2Config(50_257), 8, 1024) == Sparing(strip=256, chunk=512)

"""The explained draw is the writer's own: the same tokens are kept, and a number draws the same one."""

import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.errors import UserError
from tf_gpt2.generation import sampling
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.inspection.candidates import distribution

LOGITS = np.random.default_rng(3).normal(0, 2, 40).astype(np.float32)
LOGITS[[5, 9]] = LOGITS[7]  # a tie
SETTINGS = [
    {"temperature": 1.0, "top_k": 0},
    {"temperature": 0.7, "top_k": 12, "top_p": 0.9},
    {"temperature": 1.8, "top_k": 0, "top_p": 0.5},
    {"temperature": 0.0},
    {"top_k": 1},
]


def _drawn(settings, uniforms):
    """What the writer's graph draws for random numbers [N]."""
    rows = len(uniforms)
    controls = sampling.Controls(**{name: tf.constant(0) for name in sampling.Controls._fields})._replace(
        temperature=tf.constant(settings.temperature or 1.0),
        top_k=tf.constant(1 if settings.greedy else settings.top_k or len(LOGITS)),
        top_p=tf.constant(settings.top_p),
    )
    logits = tf.constant(np.tile(LOGITS, (rows, 1)))
    return sampling.draw(logits, tf.constant(uniforms, tf.float32), controls, len(LOGITS)).numpy()


@pytest.mark.parametrize("given", SETTINGS)
def test_a_number_draws_what_the_writer_draws(given):
    settings = GenerationSettings(**given)
    found = distribution(LOGITS, settings)
    uniforms = (np.arange(400) + 0.5) / 400
    drawn = [found.draw(float(uniform)) for uniform in uniforms]
    assert [draw.id for draw in drawn] == _drawn(settings, uniforms).tolist()
    assert all(draw.start <= draw.uniform < draw.end and found.ids[draw.place] == draw.id for draw in drawn)
    assert {draw.id for draw in drawn} <= set(found.ids[: found.num_kept].tolist())


def test_before_is_the_models_and_after_is_cut_and_sums_to_one():
    found = distribution(LOGITS, GenerationSettings(temperature=0.7, top_k=12, top_p=0.9))
    shares = np.exp(LOGITS.astype(np.float64))
    np.testing.assert_allclose(found.probabilities, -np.sort(-shares / shares.sum()), rtol=1e-6)
    tempered = -np.sort(-np.exp(LOGITS.astype(np.float64) / 0.7))[:12]
    kept = int((np.cumsum(tempered) - tempered < 0.9 * tempered.sum()).sum())
    assert 1 < found.num_kept == kept < 12
    np.testing.assert_allclose(found.drawn_with[:kept], tempered[:kept] / tempered[:kept].sum(), rtol=1e-5)
    assert np.all(found.drawn_with[kept:] == 0) and found.cumulated[-1] == 1


def test_ties_stand_by_rising_id():
    ids = distribution(LOGITS, GenerationSettings()).ids.tolist()
    places = [ids.index(token) for token in (5, 7, 9)]
    assert places == list(range(places[0], places[0] + 3))


@pytest.mark.parametrize("uniform", [-0.1, 1.0, float("nan")])
def test_a_number_out_of_range_is_refused(uniform):
    with pytest.raises(UserError, match="`uniform` must be at least 0 and below 1"):
        distribution(LOGITS, GenerationSettings()).draw(uniform)

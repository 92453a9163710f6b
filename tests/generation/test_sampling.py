"""Each control with logits given by hand, and the distribution of the draws."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.generation.random_numbers import uniform
from tf_gpt2.generation.sampling import FORBIDDEN, Controls, History, adjust, draw, pick, remember

VOCABULARY = 8
END = 7


def controls(**changes):
    values = {
        "seed": tf.constant(0, tf.uint32),
        "end_of_text": END,
        "repetition_penalty": 1.0,
        "repetition_window": 2**30,
        "no_repeat_ngram": 0,
        "min_new_tokens": 0,
        "temperature": 1.0,
        "top_k": VOCABULARY,
        "top_p": 1.0,
    }
    return Controls(**{name: tf.convert_to_tensor(value) for name, value in (values | changes).items()})


def history(*windows, size=12, written=0):
    window, last_seen = np.zeros((len(windows), size), np.int32), np.full((len(windows), VOCABULARY), -1, np.int32)
    for row, ids in enumerate(windows):
        window[row, : len(ids)] = ids
        for place, token in enumerate(ids):
            last_seen[row, token] = place
    lengths = np.array([len(ids) for ids in windows], np.int32)
    return History(*map(tf.constant, (window, lengths, last_seen, np.full(len(windows), written, np.int32))))


def draws(logits, count=20_000, **changes):
    """Many draws from one row of logits, as shares of each token."""
    numbers = uniform(*(tf.constant(v, tf.uint32) for v in (5, 0, 0)), tf.cast(tf.range(count), tf.uint32))
    rows = tf.repeat(tf.constant([logits], tf.float32), count, axis=0)
    tokens = draw(rows, numbers, controls(**changes), VOCABULARY).numpy()
    return np.bincount(tokens, minlength=VOCABULARY) / count


def softmax(logits):
    weights = np.exp(np.array(logits) - max(logits))
    return weights / weights.sum()


def assert_close_to(shares, expected):
    # Each share of 20,000 draws is off by 5 standard deviations with odds of 6e-7; eight tokens a test.
    assert (np.abs(shares - expected) <= 5 * np.sqrt(expected * (1 - expected) / 20_000) + 1e-9).all()


LOGITS = [1.0, 2.0, 0.5, 3.0, 2.0, -1.0, 0.0, 2.5]


def test_plain_draws_follow_the_softmax():
    assert_close_to(draws(LOGITS), softmax(LOGITS))


def test_temperature_divides_the_logits():
    assert_close_to(draws(LOGITS, temperature=0.5), softmax(np.array(LOGITS) * 2))


def test_top_k_renormalises_over_the_k_likeliest():
    expected = softmax([FORBIDDEN if x < 2.5 else x for x in LOGITS])
    assert_close_to(draws(LOGITS, top_k=2), expected)


def test_top_k_keeps_exactly_k_under_ties_lower_ids_first():
    shares = draws([1.0] * VOCABULARY, top_k=3)
    assert_close_to(shares, np.array([1 / 3] * 3 + [0] * 5))


def test_top_p_keeps_the_fewest_that_reach_p():
    # Probabilities 0.5, 0.25, 0.125, ...; 0.7 needs the first two, and exactly 0.75 needs them too.
    logits = np.log([0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.0078125])
    for p in (0.7, 0.75):
        assert_close_to(draws(logits, top_p=p), np.array([2 / 3, 1 / 3, 0, 0, 0, 0, 0, 0]))
    assert_close_to(draws(logits, top_p=0.01), np.array([1.0, 0, 0, 0, 0, 0, 0, 0]))


def test_top_p_counts_after_top_k_and_temperature():
    logits = np.log([0.4, 0.3, 0.2, 0.1, 1e-9, 1e-9, 1e-9, 1e-9])
    # Among the two likeliest the first has 4/7 < 0.6, so both stay; without top-k it would need a third.
    assert_close_to(draws(logits, top_k=2, top_p=0.6), np.array([4 / 7, 3 / 7, 0, 0, 0, 0, 0, 0]))


def test_the_draw_inverts_the_cumulative_distribution():
    logits = tf.constant(np.log([[0.25, 0.5, 0.25]]), tf.float32)
    three = controls(top_k=3)
    for number, expected in [(0.0, 1), (0.49, 1), (0.51, 0), (0.74, 0), (0.76, 2), (1 - 2**-24, 2)]:
        assert draw(logits, tf.constant([number]), three, 3).numpy().tolist() == [expected]


def test_the_largest_number_never_draws_outside_top_k():
    logits = tf.constant(np.random.default_rng(0).normal(size=(200, VOCABULARY)), tf.float32)
    tokens = draw(logits, tf.fill((200,), 1 - 2**-24), controls(top_k=3), VOCABULARY).numpy()
    third = np.argsort(-logits.numpy(), axis=1)[:, 2]
    assert (tokens == third).all()


def test_repetition_penalty_divides_positive_and_multiplies_negative_logits():
    logits = tf.constant([LOGITS], tf.float32)
    result = adjust(logits, history([3, 5]), controls(repetition_penalty=2.0)).numpy()[0]
    expected = np.array(LOGITS)
    expected[3], expected[5] = 1.5, -2.0
    np.testing.assert_allclose(result, expected)


def test_repetition_window_forgets_older_tokens():
    logits = tf.constant([LOGITS, LOGITS], tf.float32)
    result = adjust(
        logits, history([3, 1, 0], [3, 1, 3]), controls(repetition_penalty=2.0, repetition_window=2)
    ).numpy()
    assert result[0, 3] == 3.0 and result[0, 1] == 1.0 and result[0, 0] == 0.5
    assert result[1, 3] == 1.5


@pytest.mark.parametrize(
    ("size", "window", "banned"),
    [
        (1, [3, 5], {3, 5}),
        (2, [1, 2, 3, 1], {2}),
        (2, [1, 2, 1, 4, 1], {2, 4}),
        (3, [1, 2, 3, 1, 2], {3}),
        (3, [1, 2, 3, 2], set()),
        (3, [1, 1, 1], {1}),
        (4, [1, 2], set()),
        (2, [], set()),
    ],
)
def test_no_repeat_ngram_forbids_what_would_complete_one(size, window, banned):
    logits = tf.constant([LOGITS], tf.float32)
    for compiled in (False, True):
        change = tf.function(adjust, jit_compile=compiled)
        result = change(logits, history(window), controls(no_repeat_ngram=size)).numpy()[0]
        assert {int(i) for i in np.flatnonzero(result <= FORBIDDEN)} == banned
        kept = [i for i in range(VOCABULARY) if i not in banned]
        np.testing.assert_array_equal(result[kept], np.array(LOGITS, np.float32)[kept])


def test_the_end_is_forbidden_before_the_minimum():
    logits = tf.constant([LOGITS], tf.float32)
    assert adjust(logits, history([1], written=4), controls(min_new_tokens=5)).numpy()[0, END] <= FORBIDDEN
    assert adjust(logits, history([1], written=5), controls(min_new_tokens=5)).numpy()[0, END] == 2.5


def test_controls_act_in_hugging_faces_order():
    # Penalty first: token 3 falls from 3.0 to 1.5 and out of the two likeliest, whatever the temperature.
    logits = tf.constant([LOGITS], tf.float32)
    steer = controls(repetition_penalty=2.0, temperature=10.0, top_k=2)
    for number in (0.0, 0.3, 0.6, 0.999):
        token, _ = pick(logits, tf.constant([number]), history([3]), steer, VOCABULARY)
        assert int(token[0]) in (END, 1)


def test_the_reported_probability_is_the_models_own():
    steer = controls(temperature=5.0, top_k=1, repetition_penalty=3.0)
    token, score = pick(tf.constant([LOGITS], tf.float32), tf.constant([0.5]), history([3]), steer, VOCABULARY)
    assert int(token[0]) == END
    np.testing.assert_allclose(score.numpy(), np.log(softmax(LOGITS)[[END]]), rtol=1e-5)


def test_everything_forbidden_still_gives_a_token():
    token, _ = pick(
        tf.constant([LOGITS], tf.float32),
        tf.constant([0.5]),
        history(list(range(VOCABULARY))),
        controls(no_repeat_ngram=1),
        VOCABULARY,
    )
    assert 0 <= int(token[0]) < VOCABULARY


def test_remember_leaves_rows_alone_that_have_ended():
    before = history([1, 2], [3], written=1)
    after = remember(before, tf.constant([4, 5]), tf.constant([True, False]))
    assert after.length.numpy().tolist() == [3, 1] and after.written.numpy().tolist() == [2, 1]
    assert after.window.numpy()[0, :3].tolist() == [1, 2, 4] and after.window.numpy()[1, 1] == 0
    assert after.last_seen.numpy()[0, 4] == 2 and after.last_seen.numpy()[1, 5] == -1


VECTORS = json.loads((pathlib.Path(__file__).parent.parent / "fixtures" / "random_vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["draws"])
def test_draws_repeat_the_vectors_shared_with_the_browser(vector):
    logits = tf.constant([vector["logits"]], tf.float32)
    number = uniform(*(tf.constant([vector[k]], tf.uint32) for k in ("seed", "stream", "sample", "position")))
    steer = controls(**{name: vector[name] for name in ("temperature", "top_k", "top_p")})
    assert draw(logits, number, steer, logits.shape[1]).numpy().tolist() == [vector["token"]]

"""What the page sees inside a model is what Keras computes with the same weights."""

import numpy as np
import pytest
from numpy_gpt2 import softmax

from web.inside_page import KEEP_SOURCE, PROMPT, ask, open_inside, oracle
from web.test_threads import second_visit
from web.web_page import WEBGPU, keras_logits, load, write


@pytest.fixture
def open_watched(open_page):
    def start(end="", *flags):
        page = open_page(end, *flags)
        page.evaluate(KEEP_SOURCE)
        return page

    return start


def close(actual, expected, tolerance):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, atol=tolerance * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize(
    ("backend", "tolerance"),
    [
        ("kernels", 2e-3),
        ("threads", 2e-3),
        ("wasm", 1e-4),
        ("webgpu", 1e-4),
        pytest.param("webgl", 1e-4, marks=pytest.mark.slow),  # the same operations of TensorFlow.js as wasm
    ],
)
def test_every_number_is_that_of_keras(open_watched, site, site_folder, backend, tolerance):
    page = open_watched(f"?backend={backend}", *(WEBGPU if backend == "webgpu" else ()))
    load(page)
    if backend == "threads":  # a page has them from its second visit on
        page = second_visit(page, site)
        page.evaluate(KEEP_SOURCE)
        assert page.evaluate("crossOriginIsolated && ready.threads === 2")
    if page.evaluate("ready.backend") != backend:
        pytest.skip(f"this Chromium has no {backend}")
    write(page, PROMPT, maxNewTokens=20, seed=3)
    open_inside(page)
    ids = page.evaluate("source.tokens.map(({ id }) => id)")
    assert len(ids) == 26
    expected = oracle(site_folder / "bundle", ids)
    for layer in range(2):
        attention = np.reshape(ask(page, f"source.attention({layer})"), (3, 26, 26))
        close(attention, expected["attention"][layer], tolerance)
        np.testing.assert_allclose(attention.sum(-1), 1, atol=1e-5)
        assert np.all(attention[:, ~np.tri(26, dtype=bool)] == 0)
        for name, value in ask(page, f"source.projections({layer})").items():
            if name in expected:
                close(np.reshape(value, (3, 26, 16)), expected[name][layer], tolerance)
    logits = keras_logits(site_folder / "bundle", ids)
    for position in (0, 5, 25):
        candidates = ask(page, f"source.candidates({position})")
        close(candidates["all"], logits[position], tolerance)
        assert abs(candidates["logSumExp"] - np.logaddexp.reduce(logits[position])) < 20 * tolerance
        assert candidates["ids"][0] == np.argmax(candidates["all"])
    lens = ask(page, "source.lens()")
    probabilities = softmax(expected["lens"])
    for place in np.ndindex(3, 26):
        found = np.reshape(lens["ids"], (3, 26, 10))[place]
        close(np.reshape(lens["probabilities"], (3, 26, 10))[place], probabilities[place][found], 20 * tolerance)
    walk = np.reshape(ask(page, "source.walk(7)")["hidden"], (3, 48))
    close(walk, expected["hidden"][:, 7], tolerance)
    assert page.errors == []


def test_surprise_is_what_the_module_scores(open_watched, site_folder):
    page = open_watched()
    write(page, PROMPT, maxNewTokens=60, seed=3)  # past the context of 48
    open_inside(page)
    ids = page.evaluate("source.facts.tokens.map(({ id }) => id)")
    found = ask(page, "(source.whole ?? source).surprise()")
    from tf_gpt2.model_directory import load_config

    config = load_config(site_folder / "bundle")
    sequence = [0, *ids]
    expected = {}
    for start in range(0, 999, config.context_length // 2):
        start = min(start, max(0, len(ids) - config.context_length))
        window = sequence[start : start + min(config.context_length, len(ids) - start)]
        logits = oracle(site_folder / "bundle", window)["lens"][-1]
        for at in range(len(window)):
            place = start + at
            row = logits[at]
            rank = 1 + int(np.sum(row > row[ids[place]] + 1e-2))
            expected.setdefault(place, (row[ids[place]] - np.logaddexp.reduce(row), rank))
        if start + config.context_length >= len(ids):
            break
    assert len(found["logProbabilities"]) == len(ids) == len(expected)
    close(found["logProbabilities"], [expected[place][0] for place in range(len(ids))], 2e-3)
    # Ranks between neighbours that rounding cannot tell apart may change by a few.
    assert all(found["ranks"][place] >= expected[place][1] for place in expected)
    assert np.mean(np.array(found["ranks"]) - [expected[place][1] for place in range(len(ids))]) < 1

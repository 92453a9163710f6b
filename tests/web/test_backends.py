"""The browser computes what Keras computes, on every backend, and draws what Python draws."""

import numpy as np
import pytest

from web.web_page import WEBGPU, golden_trace, keras_logits, load, write


@pytest.mark.parametrize(
    ("backend", "flags"), [("wasm", ()), ("webgl", ()), pytest.param("webgpu", WEBGPU, marks=pytest.mark.slow)]
)
def test_logits_and_greedy_text_are_those_of_keras(open_page, python_model, backend, flags):
    page = open_page(f"?backend={backend}", *flags)
    load(page)
    running = page.get_attribute("body", "data-backend")
    if backend == "webgpu" and running != "webgpu":
        pytest.skip("this Chromium has no WebGPU adapter")
    assert running == backend
    assert page.evaluate("ready.maxError") < 1e-3
    length = 200 if backend == "wasm" else 70
    # Past the context of 48, so the rolling window is compared too.
    expected = python_model.generate("却说曹操引兵", max_new_tokens=length, temperature=0.0)
    written = write(page, "却说曹操引兵", maxNewTokens=length, temperature=0)[0]
    # Python shows half a character at the end as U+FFFD; the page waits for Continue to complete it.
    assert "却说曹操引兵" + written == expected.rstrip("\ufffd")


@pytest.mark.parametrize(
    "settings",
    [
        {"top_k": 40},
        {"top_k": 0, "top_p": 0.9, "temperature": 0.7},
        {"top_k": 200, "repetition_penalty": 1.3, "temperature": 1.5},
    ],
)
def test_a_seed_gives_the_text_that_python_writes(open_page, python_model, settings):
    page = open_page("?backend=wasm")  # the kernels round activations, which can decide a draw
    load(page)
    names = {"top_k": "topK", "top_p": "topP", "repetition_penalty": "repetitionPenalty"}
    values = {names.get(name, name): value for name, value in settings.items()}
    expected = python_model.generate("玄德", max_new_tokens=100, seed=77, **settings)
    assert "玄德" + write(page, "玄德", maxNewTokens=100, seed=77, **values)[0] == expected.rstrip("\ufffd")


def test_the_golden_trace_is_what_keras_computes(site_folder):
    golden = golden_trace(site_folder / "bundle")
    logits = keras_logits(site_folder / "bundle", golden["prompt_ids"])[-1]
    np.testing.assert_allclose(golden["logits"], logits, atol=1e-5)
    assert len(golden["greedy_ids"]) >= 1

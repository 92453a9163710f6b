"""The browser computes what Keras computes, on every backend, and draws what Python draws."""

import numpy as np
import pytest
from conftest import random_weights

from web.site_server import SiteServer
from web.web_page import WEBGPU, golden_trace, keras_logits, load, visit, write

SERVICE_WORKERS = "block"


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


NAMES = {"top_k": "topK", "top_p": "topP", "repetition_penalty": "repetitionPenalty", "temperature": "temperature"}
CONTROLS = [(40, 1, 1, 1), (0, 0.9, 1, 0.7), (200, 1, 1.3, 1.5)]


def test_a_seed_gives_the_text_that_python_writes(open_page, python_model):
    page = open_page("?backend=wasm")  # the kernels round activations, which can decide a draw
    load(page)
    for values in CONTROLS:
        settings = dict(zip(NAMES, values, strict=True))
        expected = python_model.generate("玄德", max_new_tokens=100, seed=77, **settings)
        shown = {NAMES[name]: value for name, value in settings.items()}
        written = write(page, "玄德", maxNewTokens=100, seed=77, **shown)[0]
        assert "玄德" + written == expected.rstrip("\ufffd"), settings


def test_the_golden_trace_is_what_keras_computes(site_folder):
    golden = golden_trace(site_folder / "bundle")
    logits = keras_logits(site_folder / "bundle", golden["prompt_ids"])[-1]
    np.testing.assert_allclose(golden["logits"], logits, atol=1e-5)
    assert len(golden["greedy_ids"]) >= 1


@pytest.fixture
def large_vocabulary(tmp_path):
    """A site of a model of 250,000 tokens, and what Python writes with its weights."""
    from bundle_reader import read_weights

    from export.browser.site import write_site
    from tf_gpt2.config import GPT2Config
    from tf_gpt2.generation import TextGenerator
    from tf_gpt2.model_directory import save_model_directory
    from tf_gpt2.tokenizer import Tokenizer

    counts = np.zeros(0x110000, np.int64)
    counts[0x10000 : 0x10000 + 250_000 - 257] = 1
    tokenizer = Tokenizer.from_character_counts(counts)
    assert tokenizer.vocab_size == 250_000
    config = GPT2Config(tokenizer.vocab_size, context_length=32, num_layers=1, num_heads=2, hidden_dim=16)
    save_model_directory(tmp_path / "model", config, random_weights(config, 1, 0.3), tokenizer)
    write_site(tmp_path / "model", tmp_path / "site", dtype="int8", samples=0)
    weights = read_weights(tmp_path / "site" / "bundle")
    server = SiteServer(tmp_path / "site")
    yield server, TextGenerator(config, weights, tokenizer, jit_compile=False)
    server.stop()


@pytest.mark.slow
def test_a_vocabulary_of_250_000_writes_what_python_writes(large_vocabulary, chromium):
    site, model = large_vocabulary
    opening = chr(0x10000 + 249_000)
    context = chromium().new_context(locale="zh-CN")
    page = visit(context, site.url)
    load(page)
    assert page.get_attribute("body", "data-backend") == "kernels"
    expected = model.generate(opening, max_new_tokens=20, temperature=0.0)
    assert opening + write(page, opening, maxNewTokens=20, temperature=0)[0] == expected
    for top_k in (0, 40):
        assert write(page, opening, maxNewTokens=20, temperature=1, topK=top_k, seed=3)[0]
    assert page.errors == []
    context.close()

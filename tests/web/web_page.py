"""What the browser tests do to a page, and the tiny model behind it."""

import base64
import contextlib
import json
import time

import numpy as np
import pytest
from bundle_reader import read_weights
from conftest import random_weights

# Flags of a Chromium with WebGPU on a program that plays a graphics card.
WEBGPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
# Each width with one of the colours; make test-all has the other pairs too.
WIDTHS_AND_SCHEMES = [
    (360, "dark"),
    (1440, "light"),
    pytest.param(360, "light", marks=pytest.mark.slow),
    pytest.param(1440, "dark", marks=pytest.mark.slow),
]
# The page draws the same seeds in every run of the tests, another sequence in each tab of a visitor.
CHANCE = """{
  let state = %d;
  crypto.getRandomValues = (array) => {
    for (const at of array.keys()) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      array[at] = state;
    }
    return array;
  };
}"""
# Which version of a site a tab or worker has, where the new one's style.css ends with body{--version:new}.
SITE_VERSION = (
    "fetch('style.css').then((got) => got.text()).then((text) => /--version:new/.test(text) ? 'new' : 'old')"
)
# Whether a tab says so of a new one; the browser is asked to look, as at a visit, if it is not at it already.
TOLD_OF_A_NEW_ONE = """navigator.serviceWorker.ready.then((all) => all.update()).then(
  () => Boolean(document.querySelector('[data-code=updated]')), () => false)"""
TEXT = "却说曹操引兵来到城下，只见城上旗号，乃是玄德。操大怒曰：“谁敢出马？”一将应声而出，众视之，乃张辽也。\n"


def make_model_directory(folder, seed=2, scale=0.3, hidden_dim=48, num_layers=2, num_heads=3, text=TEXT):
    """A model of random weights with a tokenizer of the characters of a text, that does not end its texts."""
    from tf_gpt2.config import GPT2Config
    from tf_gpt2.model_directory import save_model_directory
    from tf_gpt2.tokenizer import Tokenizer

    tokenizer = Tokenizer.train_characters([text])
    config = GPT2Config(tokenizer.vocab_size, 48, num_layers, num_heads, hidden_dim)
    weights = random_weights(config, seed, scale)
    weights["wte.weight"][:257] *= 0.1  # bytes are rarely likely, so what it writes is characters
    # The first of the last activations is always 1, so what it is multiplied by is a bias of each token's logit.
    weights["ln_f.weight"][0], weights["ln_f.bias"][0] = 0, 1
    weights["wte.weight"][tokenizer.end_of_text_id, 0] = -8
    save_model_directory(folder, config, weights, tokenizer)
    return folder


@contextlib.contextmanager
def nearest_weights():
    """Within it a bundle's int8 weights are the nearest ones, which takes no time.

    The page takes them as they are; tests/export/browser/test_calibration.py has how they are chosen.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.browser.bundle.round_weights", lambda config, weights, tokenizer: {})
        yield


def keras_logits(bundle, ids):
    """Logits [T, V] that Keras computes for `ids` [T] with the weights of a bundle's folder."""
    from tf_gpt2.model_directory import build_model_from, load_config

    model = build_model_from(load_config(bundle), read_weights(bundle))
    return np.asarray(model(np.array([ids])))[0]


def golden_trace(bundle):
    """The golden trace of a bundle's folder, its logits as an array [V]."""
    golden = json.loads((bundle / "golden.json").read_text("utf-8"))
    return golden | {"logits": np.frombuffer(base64.b64decode(golden["logits"]), "<f4")}


def largest_logit(bundle):
    """Of the golden trace of a bundle's folder: what errors of logits are measured by."""
    return np.abs(golden_trace(bundle)["logits"]).max()


def visit(context, url):
    """A tab that remembers what the page reports: `page.errors`, and in the page `runs` and `ready`."""
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
    page.add_init_script(CHANCE % len(context.pages))
    page.add_init_script(
        "window.runs = []; window.ready = null;"
        "addEventListener('run-done', (event) => runs.push(event.detail));"
        "addEventListener('model-ready', (event) => { ready = event.detail; });"
    )
    page.goto(url)
    return page


def name_again(folder):
    """Tells a site's service worker of files that a test has changed, as another export would."""
    from export.browser.site import SERVICE_WORKER, name_shell

    script = folder / SERVICE_WORKER
    script.write_text(script.read_text("utf-8").split("\n", 1)[1], "utf-8")
    name_shell(folder)


def load(page):
    """Downloads the model and waits until it can write."""
    page.click("#load")
    wait_ready(page)


def wait_until(page, expression, seconds=60):
    """Waits for an expression to be true. Playwright's own wait would need eval, which the page forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        if time.monotonic() > end:
            raise AssertionError(f"still not true after {seconds} s: {expression}")
        page.wait_for_timeout(30)


def wait_ready(page):
    page.wait_for_selector("body[data-phase=ready]", timeout=60_000)


def wait_idle(page):
    page.wait_for_selector("body[data-busy=false]", timeout=60_000)


def set_setting(page, name, value):
    if page.locator("#settings").get_attribute("open") is None:
        page.click("#settings summary")
    page.fill(f"#setting-{name}", str(value))
    page.press(f"#setting-{name}", "Tab")


def finish_sentences(page, finish):
    """Whether a text goes on to the end of its sentence, as the page has it, or ends with its last token."""
    page.evaluate(
        "(finish) => { const box = document.querySelector('#setting-finishSentence');"
        "  if (box.checked !== finish) box.click(); }",
        finish,
    )


def write(page, prompt, finish=False, **settings):
    """Writes one text to its end; returns the texts of all versions without their opening."""
    for name, value in settings.items():
        set_setting(page, name, value)
    page.fill("#prompt", prompt)
    finish_sentences(page, finish)
    runs = page.evaluate("runs.length")
    page.click("#write")
    wait_until(page, f"runs.length > {runs}")
    wait_idle(page)
    return texts(page)


def texts(page):
    return page.locator("article .fresh").all_text_contents()


def notices(page):
    """Codes of the sentences at the top of the page."""
    return page.locator("#notices [data-code]").evaluate_all("items => items.map(item => item.dataset.code)")


def model_caches(page):
    return page.evaluate("caches.keys().then(names => names.filter(name => name.includes(' model ')))")

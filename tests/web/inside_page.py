"""What the tests of the views do to the page, and the numbers that it must show."""

import json

import numpy as np
import numpy_gpt2
from bundle_reader import read_weights

from web.web_page import wait_until, write

KEEP_SOURCE = "window.source = null; addEventListener('inside-source', (event) => { source = event.detail; });"
PROMPT = "却说曹操引兵"
VIEWS = ["candidates", "surprise", "model", "heads", "neurons", "replay", "lens", "walk"]
COUNT = 26  # tokens of the text


def inside_of(page):
    """Writes a text of COUNT tokens and opens its views."""
    page.evaluate(KEEP_SOURCE)
    write(page, PROMPT, maxNewTokens=COUNT - len(PROMPT), seed=3, temperature=0.8)
    open_inside(page)
    return page


def show(page, view):
    page.click(f"[data-view={view}]")
    wait_until(page, "document.querySelector('.inside-panel [aria-busy=true]') === null")


def show_all_layers(page):
    """Shows the model view with all its layers drawn, those below the screen's edge too: it draws what is seen."""
    show(page, "model")
    rows = page.locator(".inside-layer-row")
    for index in range(rows.count()):
        rows.nth(index).scroll_into_view_if_needed()
        wait_until(page, f"document.querySelectorAll('.inside-layer-row')[{index}].dataset.drawn === 'true'")


def open_inside(page, index=0):
    """Opens the views of a text; returns when its tokens are there."""
    page.evaluate("window.source = null")
    page.locator("article").nth(index).get_by_role("button", name="看内部").click()
    wait_until(page, "window.source !== null")


def oracle(bundle, ids):
    """All that NumPy computes of ids with the weights of a bundle's folder (numpy_gpt2.trace)."""
    from tf_gpt2.model_directory import load_config

    return numpy_gpt2.trace(read_weights(bundle), np.array(ids), load_config(bundle))


def ask(page, expression):
    """What an expression of `source` promises, arrays as lists."""
    plain = "(key, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value)"
    return json.loads(page.evaluate(f"(async () => JSON.stringify(await {expression}, {plain}))()"))

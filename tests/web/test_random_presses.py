"""Whatever a visitor presses, in whatever order, nothing that was written is lost."""

import random

import pytest

from web.manuscript_page import wait_kept
from web.web_page import wait_until, write

SERVICE_WORKERS = "block"


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_random_presses_lose_nothing(open_page, seed):
    chance = random.Random(seed)
    page = open_page()
    write(page, "却说", maxNewTokens=8, versions=2)
    wait_until(page, "runs.length === 2")
    seen = set()
    # Everything that can be pressed, but for what leaves the manuscript or asks for a file.
    buttons = "#write, #continue, #undo, #redo, #share, .opening, article .row > button, article summary, #language"
    for _ in range(40):
        visible = page.locator(buttons).filter(visible=True).all()
        button = chance.choice(visible)
        if button.is_enabled() and button.is_visible():
            button.evaluate("button => button.click()")
        if chance.random() < 0.2 and page.locator("article textarea").first.is_visible():
            editor = page.locator("article textarea").first
            editor.fill(editor.input_value()[: chance.randrange(1, 30)] + "改")
            editor.blur()  # what is typed in one go is one edit
        page.wait_for_timeout(50)
        wait_until(page, "document.body.dataset.busy === 'false'")
        seen.update(page.evaluate(SHOWN_AT_REST))
    wait_until(page, "document.body.dataset.busy === 'false'")
    wait_kept(page, seen - {""})
    assert page.errors == []


# What shows, unless something is just being written: that text is still to grow.
SHOWN_AT_REST = """document.body.dataset.busy === 'false'
  ? [...document.querySelectorAll('article .passage')].map((passage) => passage.textContent) : []"""

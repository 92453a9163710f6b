"""The view of all heads of a model with as many as the largest GPT-2: a row is drawn as it comes into sight."""

import numpy as np
import pytest

from web.inside_page import KEEP_SOURCE, PROMPT, open_inside, oracle, show
from web.site_server import SiteServer
from web.web_page import make_model_directory, visit, wait_until, write

LAYERS, HEADS = 48, 25
DRAWN = "document.querySelectorAll('.inside-layer-row[data-drawn]').length"


@pytest.fixture(scope="module")
def large_site(tmp_path_factory):
    from export.browser.site import write_site

    folder = tmp_path_factory.mktemp("large")
    model = make_model_directory(folder / "model", hidden_dim=2 * HEADS, num_layers=LAYERS, num_heads=HEADS)
    write_site(model, folder / "site", dtype="float32", samples=0)
    server = SiteServer(folder / "site")
    yield server
    server.stop()


@pytest.mark.slow  # Keras takes half a minute to build such a model for the golden trace
def test_every_head_has_its_place_and_pictures_are_made_when_scrolled_to(large_site, chromium):
    context = chromium().new_context(locale="zh-CN", viewport={"width": 1000, "height": 800})
    page = visit(context, large_site.url)
    page.evaluate(KEEP_SOURCE)
    write(page, PROMPT, maxNewTokens=6, seed=3)
    open_inside(page)
    page.evaluate(
        "const attention = source.attention.bind(source); window.askedLayers = [];"
        "source.attention = (layer) => { askedLayers.push(layer); return attention(layer); }; 0"
    )
    show(page, "model")
    assert page.locator(".inside-thumbnail").count() == LAYERS * HEADS
    page.locator(".inside-grid").scroll_into_view_if_needed()
    wait_until(page, f"{DRAWN} > 0")
    page.wait_for_timeout(500)
    wait_until(page, f"askedLayers.length === {DRAWN}")  # only what is in view crosses to the page
    assert page.evaluate(DRAWN) < LAYERS / 2
    page.locator(".inside-thumbnail").last.scroll_into_view_if_needed()
    wait_until(page, "document.querySelector('.inside-layer-row:last-child').dataset.drawn === 'true'")
    assert page.evaluate(DRAWN) < LAYERS
    ids = page.evaluate("source.tokens.map(({ id }) => id)")
    side = len(ids)
    pixels = page.evaluate(
        "Array.from([...document.querySelectorAll('.inside-thumbnail canvas')].at(-1).getContext('2d')"
        f".getImageData(0, 0, {side}, {side}).data)"
    )
    expected = oracle(large_site.folder / "bundle", ids)["attention"][-1, -1]
    np.testing.assert_allclose(np.reshape(pixels, (side, side, 4))[..., 3] / 255, np.sqrt(expected), atol=0.03)
    page.locator(".inside-thumbnail").last.click()
    assert page.locator(".inside-large .inside-head[aria-pressed=true]").all_text_contents() == [str(HEADS)]
    assert page.errors == []
    context.close()

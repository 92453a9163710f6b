"""The views with any text, in any colours, with numbers that are none, offline, while the model writes."""

import json
import re

import pytest

from web.inside_page import COUNT, KEEP_SOURCE, PROMPT, VIEWS, open_inside, show, show_all_layers
from web.manuscript_page import wait_kept
from web.test_first_minute import complaints
from web.web_page import WIDTHS_AND_SCHEMES, visit, wait_ready, wait_until, write


@pytest.mark.parametrize(("width", "scheme"), WIDTHS_AND_SCHEMES)
def test_axe_finds_nothing_in_any_view(site, chromium, scheme, width):
    context = chromium().new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, locale="en", service_workers="block"
    )
    page = visit(context, site.url)
    page.evaluate(KEEP_SOURCE)
    write(page, PROMPT, maxNewTokens=20, seed=3)
    page.evaluate("window.source = null")
    page.get_by_role("button", name="See inside").click()
    wait_until(page, "window.source !== null")
    for view in VIEWS:
        show(page, view)
        assert complaints(page) == [], view
        small = page.evaluate(
            "[...document.querySelectorAll('#inside :is(button, select, input:not([type=checkbox]))')]"
            ".filter((one) => one.offsetWidth && (one.offsetHeight < 44 || one.offsetWidth < 44))"
            ".map((one) => one.outerHTML)"
        )
        assert small == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.errors == []
    context.close()


NAMES = "(options) => options.map((one) => one.getAttribute('aria-label') ?? one.textContent)"


def paste(page, text):
    page.evaluate("window.source = null")
    if not page.locator("#inside details").first.evaluate("(one) => one.open"):
        page.locator("#inside details summary").first.click()
    page.evaluate(f"document.querySelector('#inside textarea').value = {json.dumps(text)}")
    page.click("#inside button:has-text('看这一段')")
    wait_until(page, "window.source !== null")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "却",
        "🐉",
        "却\f\x7f\u2003\u200b\u202e曹",
        "<script>window.hacked = 1</script><img src=x onerror=hacked=1>",
        "曹操\n" * 2_000,
        pytest.param("曹操\n" * 33_333, marks=pytest.mark.slow),
    ],
)
def test_any_text_can_be_looked_at(viewed, text):
    paste(viewed, text)
    for view in VIEWS:
        show(viewed, view)
        assert viewed.locator(".inside-trouble").count() == 0, view
        names = viewed.locator(".inside-panel [role=option]").evaluate_all(NAMES)
        assert all(name.strip() and name.isprintable() for name in names), (view, names)
    assert viewed.evaluate("document.querySelectorAll('#inside script, #inside img').length") == 0
    assert viewed.evaluate("'hacked' in window") is False
    if text.startswith("<"):
        shown = "".join(viewed.locator(".inside-panel .inside-token").all_text_contents())
        assert "</script><img␣src=x" in shown
    if len(text) > 1000:
        assert "一次最多 48 个" in viewed.text_content("#inside-view")
        show(viewed, "surprise")
        assert viewed.locator(".inside-panel .inside-token").count() == 4000
    assert viewed.errors == []


def test_attention_that_is_no_number_is_said_to_be_none(inside):
    inside.evaluate(
        "source.attention = async () => new Float32Array(3 * 26 * 26).fill(NaN);"
        "const projections = source.projections.bind(source);"
        "source.projections = async (layer) => { const found = await projections(layer);"
        "  return { ...found, keys: found.keys.map(() => NaN) }; }; 0"
    )
    for view in ("model", "heads", "neurons", "replay", "walk"):
        show(inside, view)
        wait_until(inside, "document.querySelector('.inside-panel').textContent.includes('NaN')")
    assert inside.errors == []


def test_without_canvas_words_stand_for_the_pictures(site, chromium):
    """A canvas that throws, as some browsers forbid it; test_offline_file.py has one that gives null."""
    context = chromium().new_context(locale="en", viewport={"width": 360, "height": 800}, service_workers="block")
    context.add_init_script("HTMLCanvasElement.prototype.getContext = () => { throw new Error('forbidden'); };")
    page = visit(context, site.url)
    page.evaluate(KEEP_SOURCE)
    write(page, PROMPT, maxNewTokens=20, seed=3)
    page.evaluate("window.source = null")
    page.get_by_role("button", name="See inside").click()
    wait_until(page, "window.source !== null")
    for view in VIEWS:
        show(page, view)
        assert page.locator(".inside-trouble").count() == 0, view
        if view == "model":
            show_all_layers(page)
        assert page.locator(".inside-panel canvas:visible").count() == 0, view
        assert complaints(page) == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    show(page, "model")
    words = page.locator(".inside-thumbnail").all_inner_texts()
    sentences = page.locator(".inside-thumbnail").evaluate_all("all => all.map(({ title }) => title)")
    for word, sentence in zip(words, sentences, strict=True):
        assert word == "spread" or re.fullmatch(r"\w+\s[\d.]+ %", word) and word.split(maxsplit=1)[1] in sentence
    assert "cannot draw" in page.inner_text(".inside-panel")
    show(page, "heads")
    page.locator(".inside-column.query .inside-row").nth(20).hover()
    page.locator(".inside-column.query .inside-row").nth(20).click()
    assert "Token 21" in page.inner_text(".inside-panel [role=status]")
    assert page.inner_text(".inside-panel").count("cannot draw") == 1
    show(page, "neurons")
    row = page.locator(".inside-neurons tbody tr").first.inner_text()
    assert "of its 16 elements number" in row
    assert page.errors == []
    context.close()


def test_nothing_is_fetched_until_it_is_opened_and_then_also_without_a_network(open_page, site):
    page = open_page()
    page.evaluate(KEEP_SOURCE)
    write(page, PROMPT, maxNewTokens=10)
    page.evaluate("navigator.serviceWorker.ready.then(() => 0)")
    wait_until(page, "navigator.serviceWorker.controller !== null")
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1))")
    assert not any(name.startswith("inside") for name in loaded)
    wait_kept(page)
    context = page.context
    page.close()
    site.stop()
    page = visit(context, site.url)
    page.evaluate(KEEP_SOURCE)
    wait_ready(page)
    open_inside(page)
    show(page, "heads")
    assert page.locator(".inside-column.query .inside-row").count() > 0


def test_who_writes_while_the_model_is_looked_into_is_not_kept_waiting(inside):
    """What is computed for a view gives way, and says so; the text is as without it."""
    expected = inside.text_content("article .passage")
    # Asked anew until one has been stopped: a quick machine answers any number of them before the writing begins.
    inside.evaluate(
        "window.stopped = (async () => { for (let at = 0; at < 1000; at++) {"
        "  const prompt = '曹操'.repeat(3000 + at);"
        "  const { failed } = await source.ask_({ what: 'surprise', prompt, newIds: [] });"
        "  if (failed) return failed; } })(); 0"
    )
    assert write(inside, PROMPT, maxNewTokens=COUNT - len(PROMPT), seed=3)[0] == expected[len(PROMPT) :]
    assert inside.evaluate("window.stopped") == "stopped"
    open_inside(inside)
    show(inside, "heads")
    assert inside.locator(".inside-trouble").count() == 0


def test_where_the_model_is_not_open_it_is_offered(open_page):
    page = open_page()
    page.evaluate(KEEP_SOURCE)
    page.click("#inside summary")
    page.click("#inside-view button")
    wait_ready(page)
    wait_until(page, "window.source !== null")
    assert page.evaluate("source.tokens.length") == 0
    assert page.locator(".inside-bars li").count() == 10

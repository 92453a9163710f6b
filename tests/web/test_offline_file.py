"""The file of `tf-gpt2 inspect` in a real browser: opened from disk, with no network; and what its source reads."""

import json
import pathlib

import numpy as np
import pytest

import tf_gpt2
from tf_gpt2.inspection.payload import payload
from tf_gpt2.inspection.views import VIEWS
from web.site_server import SiteServer
from web.test_first_minute import complaints
from web.web_page import TEXT, WIDTHS_AND_SCHEMES, wait_until

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = HERE.parent.parent / "web" / "src"
HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"


@pytest.fixture(scope="module")
def model(model_directory):
    return tf_gpt2.load(model_directory)


@pytest.fixture(scope="module")
def seen(model):
    return model.inspect("却说曹操引兵😀来到城下，只见", temperature=0.7, top_k=5)


@pytest.fixture(scope="module")
def source(seen, chromium):
    """What a view is given of the file's numbers."""
    server = SiteServer(SOURCES)
    page = chromium().new_context().new_page()
    page.goto(server.url + "icon.svg")
    code = (HERE / "read_source.js").read_text("utf-8")
    yield page.evaluate(code, {"url": server.url, "payload": json.loads(payload(seen, VIEWS))})
    page.context.close()
    server.stop()


def test_the_source_gives_the_tokens_and_the_shape(source, seen):
    found = [(token["id"], token["text"], token["bytes"]) for token in source["tokens"]]
    assert found == [(token.id, token.text, token.is_bytes) for token in seen.tokens]
    assert source["shape"]["layers"] == 2 and source["shape"]["heads"] == 3 and source["note"] == ""
    assert source["settings"] == {"temperature": 0.7, "topK": 5, "topP": 1}


def test_the_source_gives_attention_queries_keys_and_values(source, seen):
    for layer in range(2):
        found = np.array(source["attention"][layer]).reshape(seen.attention[layer].shape)
        np.testing.assert_allclose(found, seen.attention[layer], atol=8e-6)
        assert np.all(np.triu(found, 1) == 0)
        for name in ("queries", "keys", "values"):
            expected = getattr(seen, name)[layer]
            found = np.array(source["projections"][layer][name]).reshape(expected.shape)
            np.testing.assert_allclose(found, expected, rtol=2**-11 * 1.01, atol=1e-7)


def test_the_source_gives_candidates_that_are_those_of_python(source, model, seen):
    for position, found in enumerate(source["candidates"], -1):
        logits = seen.logits[position] if position >= 0 else seen.first_logits
        best = np.argsort(-logits, kind="stable")[:100]
        assert found["ids"] == best.tolist()
        np.testing.assert_array_equal(np.float32(found["logits"]), logits[best])
        assert found["logSumExp"] == pytest.approx(np.log(np.exp(logits.astype(np.float64)).sum()), rel=1e-6)
    ten = model.candidates(seen.text)
    assert [(candidate.id, candidate.text) for candidate in ten if candidate.text != "\ufffd"] == [
        (token, text)
        for token, text in zip(found["ids"][:10], found["texts"][:10], strict=True)
        if not text.startswith("<0x")
    ]


def test_the_source_gives_surprise_and_the_lens(source, seen):
    surprise = source["surprise"]
    np.testing.assert_array_equal(np.float32(surprise["logProbabilities"]), seen.log_probabilities)
    assert surprise["ranks"] == seen.ranks.tolist()
    lens, part = source["lens"], source["part"]
    assert lens["ids"] == seen.lens_ids.ravel().tolist() and part["ids"] == seen.lens_ids[:, 2:5].ravel().tolist()
    np.testing.assert_array_equal(np.float32(lens["probabilities"]), seen.lens_probabilities.ravel())
    assert all(lens["texts"][str(token)] for token in lens["ids"])


def test_the_source_gives_the_walks_vectors(source, seen):
    for position, found in enumerate(source["walk"]):
        hidden, total = np.array(found["hidden"]).reshape(3, 48), np.add(found["embedding"], found["position"])
        np.testing.assert_allclose(hidden[:, :8], seen.hidden_states[:, position, :8], rtol=2**-10, atol=1e-6)
        np.testing.assert_allclose(total[:8], hidden[0, :8], atol=5e-3)
        assert np.isnan(hidden[:, 8:]).all() and np.isnan(total[8:]).all()


@pytest.fixture
def open_file(chromium, tmp_path):
    """Opens an inspection's file from disk in a browser without network; `page.asked` has what it asked for."""
    contexts = []

    def start(seen, locale="zh-CN", **options):
        path = tmp_path / "inside.html"
        seen.save(path, **options)
        context = chromium().new_context(locale=locale, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.errors, page.asked = [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.as_uri())
        wait_until(page, "document.querySelector('#inspection [role=tab]') !== null")
        return page

    yield start
    for context in contexts:
        context.close()


def test_the_file_opens_from_disk_and_asks_for_nothing(open_file, seen):
    page = open_file(seen)
    wait_until(page, "document.querySelectorAll('.inside-bars li').length === 10")
    assert page.errors == [] and [url.split("/")[-1] for url in page.asked] == ["inside.html"]
    shown = [int(item.get_attribute("data-id")) for item in page.locator(".inside-bars li").all()]
    assert shown == [choice.id for choice in seen.candidates()]


def test_every_view_that_there_is_opens_without_an_error(open_file, seen):
    page = open_file(seen)
    tabs = page.locator("#inspection [role=tab]")
    for place in range(tabs.count()):
        tabs.nth(place).click()
        wait_until(page, "document.querySelector('.inside-panel [aria-busy=true]') === null")
        assert page.locator(".inside-panel .inside-trouble").count() == 0, tabs.nth(place).inner_text()
    assert page.errors == []


@pytest.mark.parametrize(("width", "scheme"), WIDTHS_AND_SCHEMES)
def test_axe_finds_nothing_in_any_view(open_file, seen, scheme, width):
    page = open_file(seen)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    tabs = page.locator("#inspection [role=tab]")
    for place in range(tabs.count()):
        tabs.nth(place).click()
        wait_until(page, "document.querySelector('.inside-panel [aria-busy=true]') === null")
        assert complaints(page) == [], tabs.nth(place).inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_texts_and_titles_are_only_text(open_file, model):
    page = open_file(model.inspect(HOSTILE), title=HOSTILE)
    assert page.title() == page.locator("h1").inner_text() == HOSTILE
    assert page.locator("img").count() == 0 and page.locator("script").count() == 2 and page.errors == []


@pytest.mark.parametrize(("locale", "language"), [("zh-TW", "zh"), ("fr-FR", "en")])
def test_the_language_is_the_readers(open_file, seen, locale, language):
    assert open_file(seen, locale=locale).evaluate("document.documentElement.lang") == language


def test_a_language_that_was_asked_for_goes_first(open_file, seen):
    page = open_file(seen, locale="zh-CN", language="en")
    assert page.evaluate("document.documentElement.lang") == "en"


def test_a_window_of_a_longer_text_is_said(open_file, model):
    page = open_file(model.inspect(TEXT * 20, start=30, max_tokens=10), language="en")
    total = len(TEXT) * 20
    assert f"The whole text has {total} tokens; these are 31 to 40." in page.locator("#inspection").inner_text()


def test_a_notebooks_frame_shows_the_views(chromium, seen):
    context = chromium().new_context(locale="zh-CN", offline=True)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(f"<!doctype html>{seen._repr_html_()}")
    page.frame_locator("iframe").locator(".inside-bars li").nth(9).wait_for(timeout=30_000)
    assert errors == []
    context.close()


# What a browser may lack, and what then stands on the page.
WITHOUT_CANVAS = "HTMLCanvasElement.prototype.getContext = () => null;"
WITHOUT_UNPACKING = "delete globalThis.DecompressionStream;"


@pytest.fixture
def open_in(chromium, tmp_path, seen):
    """Opens the file in a browser that lacks something: open_in(what takes it away)."""
    contexts = []

    def start(taken):
        seen.save(tmp_path / "inside.html", language="en")
        contexts.append(chromium().new_context(offline=True))
        page = contexts[-1].new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.add_init_script(taken)
        page.goto((tmp_path / "inside.html").as_uri())
        return page

    yield start
    for context in contexts:
        context.close()


def test_without_canvas_every_view_opens_or_says_why_not(open_in):
    page = open_in(WITHOUT_CANVAS)
    tabs = page.locator("#inspection [role=tab]")
    for place in range(tabs.count()):
        tabs.nth(place).click()
        wait_until(page, "document.querySelector('.inside-panel [aria-busy=true]') === null")
        assert len(page.locator(".inside-panel").inner_text()) > 20
    assert page.errors == []


def test_a_browser_that_cannot_unpack_the_numbers_is_told(open_in):
    page = open_in(WITHOUT_UNPACKING)
    wait_until(page, "document.querySelector('.inside-trouble') !== null")
    assert "This browser is too old" in page.locator(".inside-trouble").inner_text() and page.errors == []


def test_a_file_without_scripts_says_so(chromium, tmp_path, seen):
    seen.save(tmp_path / "inside.html")
    context = chromium().new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((tmp_path / "inside.html").as_uri())
    assert "allow scripts" in page.locator("noscript").inner_text()
    context.close()


def test_a_site_does_not_carry_what_is_for_files(site_folder):
    names = {path.name for path in site_folder.iterdir()}
    assert "app.js" in names and {"inspect.js", "inspect.css"}.isdisjoint(names)
    assert "inspect" not in (site_folder / "service_worker.js").read_text("utf-8").splitlines()[0]

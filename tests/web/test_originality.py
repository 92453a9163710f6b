"""A copy of the training text, planted in the manuscript, is underlined with its book and its passage."""

import json

import pytest

from tf_gpt2.data.prepare import prepare_corpus
from web.manuscript_page import wait_kept
from web.site_server import SiteServer
from web.test_first_minute import WATCH_SHIFTS, complaints
from web.web_page import TEXT as TRAINED
from web.web_page import load, make_model_directory, set_setting, texts, visit, wait_until, write

BOOKS = {
    "三国演义": TRAINED * 2,
    "另一部书": "话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。及秦灭之后，楚、汉分争，又并入于汉。\n",
}
COPY = BOOKS["另一部书"][7:37]
PROMPT = TRAINED[:12]
# By the page's names and Python's.
CONTROLS = [
    ({"topK": 0}, {"top_k": 0}),
    ({"temperature": 0}, {"temperature": 0.0}),
    ({"topP": 0.9, "repetitionPenalty": 1.2}, {"top_p": 0.9, "repetition_penalty": 1.2}),
]
TEXT = f"新写的开头。{COPY}又是新写的。"


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A run whose corpus is in the cache, and its model: it has what that writes, so there are copies to avoid."""
    from tf_gpt2.generation import load as load_model

    folder = tmp_path_factory.mktemp("run")
    corpus = tmp_path_factory.mktemp("corpus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_GPT2_CACHE", str(corpus / "cache"))
        model = load_model(make_model_directory(folder))
        written = "\n".join(PROMPT + _written(model, given) for _, given in CONTROLS)
        for title, text in {**BOOKS, "写过的": written}.items():
            (corpus / f"{title}.txt").write_text(text, "utf-8")
        prepared = prepare_corpus(sorted(corpus.glob("*.txt")), validation_fraction=0)
        (folder / "training.json").write_text(json.dumps({"corpus": {"prepared": prepared.folder.name}}))
        yield folder, model


@pytest.fixture(scope="module", params=["index", "hashes"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def sites(known, tmp_path_factory):
    """Sites by kind, made when they are asked for."""
    from export.browser.site import write_site

    servers = {}

    def start(kind):
        if kind not in servers:
            folder = tmp_path_factory.mktemp("site") / kind
            write_site(known[0], folder, dtype="float32", samples=0, originality=kind)
            servers[kind] = SiteServer(folder)
        return servers[kind]

    yield start
    for server in servers.values():
        server.stop()


def open_at(chromium, site, width=1280, **options):
    context = chromium().new_context(locale="zh-CN", viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(30_000)
    return visit(context, site.url)


def plant(page):
    """Writes one character, and makes a text with a copy in it of what stands there."""
    load(page)
    write(page, "却说", maxNewTokens=1, seed=1)
    page.fill("textarea.editor", TEXT)


def look(page):
    page.click("#copies summary")
    page.click("#copies-view > button")
    page.wait_for_selector(".copied-layer mark")


def test_a_planted_copy_is_underlined_with_its_book_and_passage(sites, chromium, kind):
    site = sites(kind)
    page = open_at(chromium, site)
    plant(page)
    asked = len([path for path in site.requests if "copies.bin" in path])
    page.click("#copies summary")
    page.wait_for_selector("#copies-view > button")
    described = json.loads((site.folder / "site.json").read_text("utf-8"))["originality"]
    assert f"{described['bytes'] / 1e6:.1f} MB" in page.inner_text("#copies-view > button")
    assert len([path for path in site.requests if "copies.bin" in path]) == asked == 0
    page.click("#copies-view > button")
    page.wait_for_selector(".copied-layer mark")
    assert page.locator(".copied-layer mark").all_text_contents() == [COPY]
    share = round(100 * len(COPY) / len(TEXT))
    sentence = page.inner_text(".copied-sentence")
    assert f"{share} %" in sentence and "30 字" in sentence and "《另一部书》" in sentence
    # With the keyboard: the list's button shows the passage, and says that it does.
    page.focus(".copied-runs button")
    page.keyboard.press("Enter")
    assert page.get_attribute(".copied-runs button", "aria-expanded") == "true"
    shown = page.inner_text(".copied-runs li > div")
    if kind == "index":
        assert "《另一部书》第 8 字起，30 字" in shown
        assert page.inner_text(".copied-runs blockquote").startswith(BOOKS["另一部书"][:37])
    else:
        assert "《另一部书》里有这 30 字" in shown and COPY[:5] not in shown
    # The caret in the copy shows it beside the text; nothing moves.
    top = page.evaluate("document.querySelector('#settings').getBoundingClientRect().top + scrollY")
    page.evaluate(
        "(at) => { const editor = document.querySelector('textarea.editor'); editor.focus();"
        " editor.setSelectionRange(at, at); editor.dispatchEvent(new Event('select')); }",
        TEXT.index(COPY) + 3,
    )
    assert "《另一部书》" in page.inner_text(".copied-note")
    assert page.evaluate("document.querySelector('#settings').getBoundingClientRect().top + scrollY") == top
    page.keyboard.press("Escape")
    assert page.locator(".copied-note").is_hidden()
    # Another text, another look; none while it is shut.
    page.fill("textarea.editor", TEXT[:20])
    wait_until(page, "!document.querySelector('.copied-layer mark')")
    wait_until(page, "document.querySelector('.copied-sentence').textContent.startsWith('没有照抄')")
    # Kept: a second visit asks for nothing.
    wait_kept(page)
    page.reload()
    page.click("#copies summary")
    page.wait_for_selector(".copied-sentence")
    wait_until(page, "document.querySelector('.copied-sentence').textContent.startsWith('没有照抄')")
    assert len([path for path in site.requests if "copies.bin" in path]) == 1
    assert page.errors == []
    page.context.close()


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_on_a_phone_axe_finds_nothing_and_nothing_moves(sites, chromium, scheme):
    site = sites("index")
    context = chromium().new_context(
        locale="en", viewport={"width": 360, "height": 800}, color_scheme=scheme, service_workers="block"
    )
    context.add_init_script(WATCH_SHIFTS)
    context.set_default_timeout(30_000)
    page = visit(context, site.url)
    plant(page)
    site.faults["copies.bin"] = "slow"  # what comes long after the press counts as moving by itself
    page.click("#copies summary")
    page.wait_for_selector("#copies-view > button")
    assert complaints(page) == []
    page.wait_for_timeout(600)
    before = page.evaluate("shifted")
    page.click("#copies-view > button")
    page.wait_for_selector("#copies-view progress")
    assert complaints(page) == []
    page.wait_for_selector(".copied-layer mark")
    site.faults.clear()
    page.wait_for_timeout(300)
    assert page.evaluate("shifted") - before < 0.05
    page.click(".copied-runs button")
    page.evaluate(
        "(at) => { const editor = document.querySelector('textarea.editor'); editor.focus();"
        " editor.setSelectionRange(at, at); editor.dispatchEvent(new Event('select')); }",
        TEXT.index(COPY) + 3,
    )
    assert page.locator(".copied-note").is_visible()
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    low = page.evaluate(
        "[...document.querySelectorAll('#copies-view button')]"
        ".filter(({ offsetHeight }) => offsetHeight && offsetHeight < 44).map((one) => one.outerHTML)"
    )
    assert low == []
    assert page.errors == []
    context.close()


def test_an_index_of_another_model_is_refused(sites, chromium):
    site = sites("index")
    path = site.folder / "originality" / "originality.json"
    right = path.read_text("utf-8")
    path.write_text(json.dumps(json.loads(right) | {"model": "0" * 64}), "utf-8")
    page = open_at(chromium, site)
    page.click("#copies summary")
    page.click("#copies-view > button")
    wait_until(page, "document.querySelector('.copied-sentence').textContent.includes('属于另一个模型')")
    path.write_text(right, "utf-8")
    page.context.close()


def _written(model, given, **more):
    settings = model.settings(max_new_tokens=60, seed=3, **given, **more)
    return next(model.write([PROMPT], settings)).text


def test_avoiding_copies_writes_what_python_writes(sites, chromium, known):
    from tf_gpt2.evaluation.originality_of_model import know_corpus

    least = 5
    run_dir, model = known
    index = know_corpus(model, run_dir)
    site = sites("index")
    page = open_at(chromium, site)
    load(page)
    for settings, given in CONTROLS:
        expected = _written(model, given, avoid_copying=least)
        assert expected != _written(model, given)
        whole = PROMPT + expected
        ends = range(len(PROMPT) + 1, len(whole) + 1)
        assert not any(index.index.occurs(whole[end - least : end].encode()) for end in ends)
        free = {"topK": 40, "temperature": 1, "topP": 1, "repetitionPenalty": 1}
        write(page, PROMPT, maxNewTokens=60, seed=3, avoidCopying=least, **free | settings)
        assert texts(page) == [expected]
    # In two parts it is the same text.
    write(page, PROMPT, maxNewTokens=25)
    set_setting(page, "maxNewTokens", 35)
    runs = page.evaluate("runs.length")
    page.click("#continue")
    wait_until(page, f"runs.length > {runs}")
    assert texts(page) == [expected]
    assert len([path for path in site.requests if "copies.bin" in path]) >= 1
    page.context.close()


def test_without_an_index_there_is_no_such_setting(open_page):
    page = open_page()
    page.wait_for_selector("#facts div")
    page.click("#settings summary")
    assert page.locator("#setting-avoidCopying").is_hidden()
    assert page.locator("#copies").is_hidden()

"""In an alphabet a copy is measured in words: page and module find and avoid what Python does."""

import json

import pytest

from tf_gpt2.data.prepare import prepare_corpus
from web.site_server import SiteServer
from web.test_module import PAGE
from web.test_originality import open_at
from web.web_page import load, make_model_directory, texts, wait_until, write

BOOKS = {
    "Harbour": (
        "The harbour lay quiet under the rain, and nobody spoke of the ship that had not come back. "
        "“You’ll wait for him,” the old woman said, “as I waited for mine, until the lamps went out.” "
        "Each morning Anaïs walked to the end of the pier, counted the gulls, and walked home again.\n"
    ),
    "Orchard": (
        "In the orchard behind the mill there were eleven pear trees, and the twelfth was struck by lightning. "
        "My grandfather would not have it cut down; he said a dead tree keeps better company than most cousins. "
        "So we hung the swing from it, and the swing outlived him by twenty summers.\n"
    ),
}
# Eight words and more; seven, which is no copy; a run that begins and ends amid a word; what stands in no book.
LONG = "he said a dead tree keeps better company than most cousins"
SHORT = "counted the gulls, and walked home again."
TORN = "bour lay quiet under the rain, and nobody spoke of the shi"
TEXT = (
    f"😀 Nothing here was read before – {LONG}, or so it seems. {SHORT} Then the lab{TORN}ne. Rien de neuf – ça va."
)
PROMPT = "The swing"
LEAST = 12
CONTROLS = [({"topK": 0}, {"top_k": 0}), ({"temperature": 0}, {"temperature": 0.0})]


def written(model, given, **more):
    settings = model.settings(max_new_tokens=60, seed=3, **given, **more)
    return next(model.write([PROMPT], settings)).text


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A run on English books, one of which has what the model writes by itself; the model and Python's index."""
    from tf_gpt2.evaluation.originality_of_model import know_corpus
    from tf_gpt2.generation import load as load_model

    folder, corpus = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("corpus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_GPT2_CACHE", str(corpus / "cache"))
        model = load_model(make_model_directory(folder, text="".join(BOOKS.values())))
        own = "\n".join(PROMPT + written(model, given) for _, given in CONTROLS)
        for title, text in {**BOOKS, "Written": f"{BOOKS['Orchard'][:60]}\n{own}"}.items():
            (corpus / f"{title}.txt").write_text(text, "utf-8")
        prepared = prepare_corpus(sorted(corpus.glob("*.txt")), validation_fraction=0)
        (folder / "training.json").write_text(json.dumps({"corpus": {"prepared": prepared.folder.name}}))
        yield folder, model, know_corpus(model, folder)


@pytest.fixture(scope="module")
def sites(known, tmp_path_factory):
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


@pytest.mark.parametrize("kind", ["index", "hashes"])
def test_the_page_finds_the_runs_of_eight_words_that_python_finds(known, sites, chromium, kind):
    *_, index = known
    expected = index.copied_runs(TEXT)
    assert index.alphabetic and index.least == 8
    assert [TEXT[run.begin : run.begin + run.length].strip() for run in expected] == [LONG, TORN]
    page = open_at(chromium, sites(kind), reduced_motion="reduce")
    load(page)
    write(page, PROMPT, maxNewTokens=1, seed=1)
    page.fill("textarea.editor", TEXT)
    page.click("#language")  # English
    page.click("#copies summary")
    page.click("#copies-view > button")
    page.wait_for_selector(".copied-layer mark")
    marks = page.locator(".copied-layer mark").all_text_contents()
    assert marks == [TEXT[run.begin : run.begin + run.length] for run in expected]
    buttons = page.locator(".copied-runs button")
    for place, run in enumerate(expected):
        assert f"{run.length} characters, “{run.book}”" in buttons.nth(place).inner_text()
        buttons.nth(place).click()
        if kind == "index":
            shown = page.locator(".copied-runs li").nth(place).locator("figure")
            assert f"{run.length} characters from character {run.offset + 1} on" in shown.inner_text()
            assert shown.locator("blockquote").text_content() == run.before + marks[place] + run.after
    copied = sum(run.length for run in expected)
    assert f"{100 * copied / len(TEXT):.0f} %" in page.inner_text(".copied-sentence")
    # A text of seven words of a book, and words that stand in none.
    page.fill("textarea.editor", f"Again: {SHORT}")
    wait_until(page, "document.querySelector('.copied-sentence').textContent.includes('no run of 8 words')")
    assert index.copied_runs(f"Again: {SHORT}") == []
    assert page.errors == []
    page.context.close()


def test_the_page_avoids_copies_as_python_does(known, sites, chromium):
    _, model, index = known
    page = open_at(chromium, sites("index"))
    load(page)
    for settings, given in CONTROLS:
        expected = written(model, given, avoid_copying=LEAST)
        whole = PROMPT + expected
        assert expected != written(model, given)
        ends = range(len(PROMPT) + 1, len(whole) + 1)
        assert not any(
            index.index.occurs(whole[max(0, end - LEAST) : end].encode()) for end in ends if end >= LEAST
        )
        free = {"topK": 40, "temperature": 1, "topP": 1, "repetitionPenalty": 1}
        write(page, PROMPT, maxNewTokens=60, seed=3, avoidCopying=LEAST, **free | settings)
        assert texts(page) == [expected]
    page.context.close()


def test_the_module_avoids_copies_and_says_where_it_cannot(known, sites, chromium):
    _, model, _ = known
    script = f"""
        const model = await load(site + "bundle/", {{backend: "wasm"}});
        const write = async (settings) => (await model.generate({json.dumps(PROMPT)},
          {{maxNewTokens: 60, seed: 3, topK: 0, ...settings}}).result).text;
        return [await write({{}}), await write({{avoidCopying: {LEAST}}})];
        """
    found = {}
    for kind in ("index", "hashes"):
        site = sites(kind)
        (site.folder / "page.html").write_text(PAGE.format(site=site.url, script=script), "utf-8")
        page = chromium().new_context(service_workers="block").new_page()
        page.goto(f"{site.url}page.html")
        wait_until(page, "document.body.dataset.outcome !== undefined")
        found[kind] = json.loads(page.evaluate("document.body.dataset.outcome"))
        page.context.close()
    given = {"top_k": 0}
    assert found["index"] == [written(model, given), written(model, given, avoid_copying=LEAST)]
    assert (found["hashes"]["name"], found["hashes"]["code"]) == ("GPT2Error", "originality_other")
    assert found["hashes"]["sentence"]

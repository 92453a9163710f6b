"""The module gpt2.js on other people's pages: what docs/module.md says, in a real browser."""

import html
import json
import re

import numpy as np
import pytest
from commands import ROOT

from web import site_server
from web.site_server import SiteServer
from web.web_page import make_model_directory, visit, wait_until

EXAMPLES = re.findall(r"```html\n(.*?)```", (ROOT / "docs" / "module.md").read_text("utf-8"), re.DOTALL)
# A test's script stands in the page's head; its outcome is what it returns, or the error it throws.
PAGE = """<!doctype html><meta charset="utf-8"><body></body><script type="module">
import {{ load, GPT2Error }} from "{site}gpt2.js";
const site = "{site}";
const tell = (value) => {{ document.body.dataset.outcome = JSON.stringify(value); }};
const run = async () => {{ {script} }};
run().then(tell, (error) => tell({{
  name: error.name, code: error.code, sentence: error.sentence, message: error.message,
  error: error instanceof Error
}}));
</script>"""


@pytest.fixture
def visit_page(site, chromium):
    """Opens a page of another folder on the site's host, or of another host: visit_page(content, host)."""
    contexts = []

    def start(content, host=site):
        (host.folder / "elsewhere").mkdir(exist_ok=True)
        (host.folder / "elsewhere" / "page.html").write_text(content, "utf-8")
        (host.folder / "favicon.ico").touch()  # browsers ask for one
        context = chromium().new_context(locale="en-GB")
        context.set_default_timeout(30_000)
        contexts.append(context)
        return visit(context, f"{host.url}elsewhere/page.html")

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def outcome(site, visit_page):
    """What a script with `load` and `site` gives: outcome(script, host)."""

    def run(script, host=site):
        page = visit_page(PAGE.format(site=site.url, script=script), host)
        wait_until(page, "document.body.dataset.outcome !== undefined")
        assert page.errors == []
        return json.loads(page.evaluate("document.body.dataset.outcome"))

    return run


def _shown(page, selector):
    """The text of an element once it has not grown for a while."""
    wait_until(page, f"document.querySelector('{selector}').textContent.length > 20")
    text = ""
    while text != (text := page.text_content(selector)):
        page.wait_for_timeout(500)
    return text


def _example(site, place, other=""):
    """An example of docs/module.md with the addresses of the test's hosts."""
    return (
        EXAMPLES[place]
        .replace("https://example.org/novels/", site.url)
        .replace("https://example.org/poems/", other)
    )


def test_the_first_example_writes_what_python_writes(site, visit_page, python_model):
    assert len(EXAMPLES[0].strip().splitlines()) <= 16
    page = visit_page(_example(site, 0))
    expected = python_model.generate("却说曹操", max_new_tokens=100, temperature=0.8, seed=7, finish_sentence=True)
    assert _shown(page, "#story")[:60] == expected[:60]
    assert page.errors == []


def test_the_example_with_several_models(site, visit_page, python_model, tmp_path):
    from export.browser.bundle import write_bundle

    write_bundle(make_model_directory(tmp_path / "poems", seed=5), site.folder / "poems" / "bundle", "int8")
    page = visit_page(_example(site, 1, f"{site.url}poems/"))
    assert len(_shown(page, "#story")) > 40
    assert len(re.findall(r"0\.\d{3} ", page.text_content("#next"))) == 5
    assert page.errors == []


SETTINGS = """
const settings = {temperature: 0.9, topK: 0, topP: 0.9, repetitionPenalty: 1.2, seed: 5, sample: 2};
const model = await load(site + "bundle/", {backend: "wasm"});
"""


def test_text_pieces_and_going_on_are_pythons(outcome, python_model):
    found = outcome(
        SETTINGS
        + """
        const pieces = [];
        for await (const piece of model.generate("玄德", {...settings, maxNewTokens: 80, finishSentence: true}))
          pieces.push(piece);
        const part = await model.generate("玄德", {...settings, maxNewTokens: 30}).result;
        const kept = JSON.parse(JSON.stringify(part));
        const more = model.generate("玄德", {...settings, maxNewTokens: 50, finishSentence: true, resume: kept});
        const rest = [];
        for await (const piece of more) rest.push(piece);
        const {text, numTokens, finish, seed} = await more.result;
        return {whole: pieces.join(""), part: part.text, rest: rest.join(""), text, numTokens, finish, seed,
                plain: (await model.generate("玄德", {...settings, maxNewTokens: 80}).result).text};
        """
    )
    settings = python_model.settings(
        temperature=0.9, top_k=0, top_p=0.9, repetition_penalty=1.2, seed=5, max_new_tokens=80, finish_sentence=True
    )
    *_, passage = python_model.stream_passage("玄德", settings, sample_index=2)
    assert found["whole"] == passage.text == found["text"] == found["part"] + found["rest"]
    assert (found["numTokens"], found["finish"], found["seed"]) == (passage.num_tokens, passage.finish, 5)
    assert found["whole"].startswith(found["plain"]) and passage.num_tokens > 80


# How near they come: the kernels round activations.
@pytest.mark.parametrize(("backend", "tolerance"), [("wasm", 1e-4), ("kernels", 2e-3)])
def test_candidates_scores_and_tokens_are_pythons(outcome, python_model, backend, tolerance):
    long = "却说曹操引兵来到城下，只见城上旗号，乃是玄德。" * 5  # more than two windows of 48
    found = outcome(
        f"""
        const model = await load("../bundle/", {{backend: "{backend}"}});
        const texts = {json.dumps(["却说曹操引兵", long, "a生", ""], ensure_ascii=False)};
        return {{
          backend: model.backend,
          candidates: await Promise.all(texts.map((text) => model.candidates(text, 7))),
          scores: await Promise.all(texts.map((text) => model.score(text))),
          tokens: await Promise.all(texts.map((text) => model.tokenize(text))),
        }};
        """
    )
    assert found["backend"] == backend
    for place, text in enumerate(["却说曹操引兵", long, "a生", ""]):
        expected = python_model.candidates(text, 7)
        shares = [candidate["probability"] for candidate in found["candidates"][place]]
        np.testing.assert_allclose(
            shares, [one.probability for one in expected], rtol=10 * tolerance, atol=tolerance
        )
        if backend == "wasm":
            assert [(one["id"], one["text"]) for one in found["candidates"][place]] == [
                (one.id, one.text) for one in expected
            ]
        score, given = python_model.score(text), found["scores"][place]
        assert given["ids"] == score.ids.tolist() == found["tokens"][place]["ids"]
        assert given["tokens"] == score.tokens == found["tokens"][place]["tokens"]
        scale = max(1, np.abs(score.log_probabilities).max(initial=0))
        np.testing.assert_allclose(given["logProbabilities"], score.log_probabilities, atol=tolerance * scale)
        if text:
            assert given["perplexity"] == pytest.approx(score.perplexity, rel=10 * tolerance)
        else:
            assert given["perplexity"] is None  # NaN is null in JSON


def test_defaults_are_the_models_and_wrong_settings_are_said(outcome):
    found = outcome(
        """
        const model = await load(site + "bundle?x=1#y");
        const wrong = [{topK: -1}, {topP: 0}, {seed: 2 ** 32}, {temperature: NaN}, {maxNewTokens: "9"}, {colour: 1},
                       {finishSentence: 1}, {avoidCopying: 3}];
        const said = wrong.map((settings) => {
          try { model.generate("", settings); }
          catch (error) { return [error instanceof GPT2Error, error.code, error.sentence]; }
        });
        const drawn = model.generate("却", {maxNewTokens: 3});
        const {seed, text} = await drawn.result;
        const again = await model.generate("却", {maxNewTokens: 3, seed}).result;
        return {defaults: model.defaults, said, same: text === again.text && seed === drawn.seed};
        """
    )
    assert found["defaults"] == {
        "temperature": 1,
        "topK": 40,
        "topP": 1,
        "repetitionPenalty": 1,
        "maxNewTokens": 200,
        "sample": 0,
        "avoidCopying": 0,
        "finishSentence": False,
    }
    assert found["same"]
    assert all(said[:2] == [True, "setting"] for said in found["said"])
    assert found["said"][0][2] == "topK must be an integer from 0 to 2147483646; received -1"
    assert found["said"][5][2].endswith("; received colour")


def test_leaving_aborting_and_disposing(outcome):
    found = outcome(
        """
        const model = await load(site + "bundle/");
        const settings = {maxNewTokens: 100000, seed: 1};
        const left = model.generate("却说", settings);
        let count = 0;
        for await (const piece of left) if (++count === 5) break;
        const {finish, text} = await left.result;
        const aborter = new AbortController();
        const reason = new Error("enough");
        let thrown;
        try {
          for await (const piece of model.generate("却说", {...settings, signal: aborter.signal}))
            aborter.abort(reason);
        } catch (error) { thrown = error; }
        const early = await model.score("却说", {signal: AbortSignal.abort(reason)}).catch((error) => error);
        const [first, second] = [model.generate("却说", settings), model.generate("却", settings)];
        setTimeout(() => { second.stop(); first.stop(); }, 100);
        const stopped = [await first.result, await second.result].map(({finish}) => finish);
        const after = (await model.generate("却说", {...settings, maxNewTokens: 3}).result).finish;
        const running = model.generate("却说", settings).result;
        setTimeout(() => model.dispose(), 100);
        const code = (promise) => promise.catch((error) => error.code);
        const disposed = [await code(running), await code(model.tokenize("却"))];
        const never = new AbortController();
        setTimeout(() => never.abort(reason));
        const loading = await load(site + "bundle/", {signal: never.signal}).catch((error) => error);
        return {finish, length: text.length, thrown: thrown === reason, early: early === reason, stopped, after,
                disposed, loading: loading === reason};
        """
    )
    assert found.pop("length") >= 5
    assert found == {
        "finish": "stopped",
        "thrown": True,
        "early": True,
        "stopped": ["stopped", "stopped"],
        "after": "length",
        "disposed": ["disposed", "disposed"],
        "loading": True,
    }


def test_a_newer_version_on_the_host_is_found_and_fetched(site, visit_page, tmp_path):
    from export.browser.bundle import write_bundle

    script = """
        const model = await load(site + "bundle/");
        const none = await model.findUpdate();
        document.body.dataset.loaded = "true";
        while (!window.exchanged) await new Promise((resolve) => setTimeout(resolve, 20));
        const update = await model.findUpdate();
        let seen = 0;
        const storage = await update.fetch((loaded) => { seen = loaded; });
        const next = await load(site + "bundle/");
        return {none, storage, all: seen === update.bytes, changed: next.hash !== model.hash, kept: next.fromCache,
                latest: await next.findUpdate()};
        """
    page = visit_page(PAGE.format(site=site.url, script=script))
    wait_until(page, "document.body.dataset.loaded !== undefined")
    write_bundle(make_model_directory(tmp_path / "newer", seed=6), site.folder / "bundle", "int8")
    page.evaluate("window.exchanged = true")
    wait_until(page, "document.body.dataset.outcome !== undefined")
    found = json.loads(page.evaluate("document.body.dataset.outcome"))
    assert found == {"none": None, "storage": "stored", "all": True, "changed": True, "kept": True, "latest": None}


def test_a_bundle_that_is_not_there_is_an_error_with_a_code_and_a_sentence(site, visit_page):
    page = visit_page(PAGE.format(site=site.url, script='await load(site + "nowhere/");'))
    wait_until(page, "document.body.dataset.outcome !== undefined")
    told = json.loads(page.evaluate("document.body.dataset.outcome"))
    assert (told["name"], told["code"], told["error"]) == ("GPT2Error", "missing_file", True)
    assert told["sentence"] == told["message"] and "bundle.json" in told["sentence"]


def test_from_another_origin(site, outcome, python_model, tmp_path, monkeypatch):
    """Workers by way of a blob; the host of the site lets others read."""
    ends = site_server._Handler.end_headers

    def open_to_all(handler):
        handler.send_header("Access-Control-Allow-Origin", "*")
        ends(handler)

    monkeypatch.setattr(site_server._Handler, "end_headers", open_to_all)
    (tmp_path / "other").mkdir()
    other = SiteServer(tmp_path / "other")
    try:
        found = outcome(
            """
            const model = await load(site + "bundle/", {backend: "wasm"});
            const kernels = await load(site + "bundle/");
            const greedy = {temperature: 0, maxNewTokens: 40};
            return [(await model.generate("却说", greedy).result).text, model.backend,
                    (await kernels.generate("却说", greedy).result).finish, kernels.backend];
            """,
            other,
        )
    finally:
        other.stop()
    expected = python_model.generate("却说", temperature=0.0, max_new_tokens=40)
    assert "却说" + found[0] == expected.rstrip("\ufffd") and found[1:] == ["wasm", "length", "kernels"]


def test_the_element(site, visit_page, python_model):
    page = visit_page(_example(site, 2).replace("<gpt2-writer", '<gpt2-writer lang="en"'))
    page.evaluate("window.written = []; addEventListener('written', (event) => written.push(event.detail))")
    assert page.input_value("gpt2-writer textarea") == "却说曹操"
    page.click("gpt2-writer button:has-text('Write')")
    wait_until(page, "written.length === 1")
    told = page.evaluate("written[0]")
    assert page.text_content("gpt2-writer [part=text]") == "却说曹操" + told["text"]
    expected = python_model.generate("却说曹操", max_new_tokens=40, seed=7, finish_sentence=True)
    assert ("却说曹操" + told["text"])[:30] == expected[:30]
    page.click("gpt2-writer button:has-text('Continue')")
    wait_until(page, "written.length === 2")
    assert page.text_content("gpt2-writer [part=text]").startswith("却说曹操" + told["text"])
    assert page.errors == []


def test_an_element_says_what_went_wrong(site, visit_page):
    broken = html.escape(f"{site.url}nowhere/")
    page = visit_page(
        f'<meta charset="utf-8"><script type="module" src="{site.url}gpt2-writer.js"></script>'
        f'<gpt2-writer lang="zh" src="{broken}"></gpt2-writer>'
    )
    page.click("gpt2-writer button:has-text('写')")
    wait_until(page, "document.querySelector('gpt2-writer').shadowRoot.textContent.includes('bundle.json')")


def test_embedded_there_is_only_the_desk(open_page):
    page = open_page("?embed=1")
    page.wait_for_selector("#prompt")
    assert page.is_visible("#load") and page.is_visible("#prompt")
    for hidden in ("header", "aside", "footer"):
        assert not page.is_visible(hidden)
    assert page.errors == []

"""The file: one document that fetches nothing, in which texts and titles are only data."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import pytest
import tokenizers
from conftest import random_weights
from tokenizers import decoders, models, pre_tokenizers, trainers

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation import TextGenerator
from tf_gpt2.inspection import document as module
from tf_gpt2.tokenizer import Tokenizer

HOSTILE = "<script>alert(1)</script><!--&\"'"


def _tokenizer():
    """One whose tokens are whole elements: nothing parts a text before its pairs are merged."""
    model = tokenizers.Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    model.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False)
    model.train_from_iterator([HOSTILE[:25]] * 9, trainer)
    return Tokenizer(model)


TOKENIZER = _tokenizer()
CONFIG = GPT2Config(TOKENIZER.vocab_size, context_length=40, num_layers=1, num_heads=2, hidden_dim=16)


@pytest.fixture(scope="module")
def seen():
    return TextGenerator(CONFIG, random_weights(CONFIG), TOKENIZER, jit_compile=False).inspect(HOSTILE)


class _Parsed(HTMLParser):
    """The elements of a document with what stands in them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.comments = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), ""))

    def handle_data(self, data):
        if self.elements:
            tag, attributes, text = self.elements[-1]
            self.elements[-1] = (tag, attributes, text + data)

    def handle_comment(self, data):
        self.comments.append(data)

    def of(self, tag):
        return [(attributes, text) for name, attributes, text in self.elements if name == tag]


def test_a_hostile_text_and_title_are_data(seen):
    page = _Parsed(module.document(seen, title=HOSTILE))
    (data, code), _ = page.of("script"), page.comments
    assert data[0] == {"type": "application/json", "id": "payload"} and code[0] == {} and page.comments == []
    payload = json.loads(data[1])
    assert payload["title"] == HOSTILE and "".join(token["text"] for token in payload["tokens"]) == HOSTILE
    assert page.of("title")[0][1].strip() == page.of("h1")[0][1].strip() == HOSTILE


def test_a_token_of_the_model_is_a_hostile_element(seen):
    assert "<script>" in seen.tokens[0].text and "</script>" in seen.tokens[0].text


def test_the_policy_lets_nothing_but_the_two_parts_run(seen):
    text = module.document(seen)
    page = _Parsed(text)
    (policy,) = [a["content"] for a, _ in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'" and "unsafe" not in policy and "http" not in policy
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    for name, part in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert directives[name] == f"'sha256-{digest}'"


def test_nothing_in_it_names_another_file(seen):
    page = _Parsed(module.document(seen))
    named = [a for _, attributes, _ in page.elements for a in attributes if a in ("src", "href", "action", "data")]
    assert named == [] and {tag for tag, _, _ in page.elements}.isdisjoint({"link", "img", "iframe", "object"})
    style = page.of("style")[0][1]
    assert "url(" not in style and "@import" not in style


def test_a_reader_without_scripts_is_told(seen):
    ((_, told),) = _Parsed(module.document(seen)).of("noscript")
    assert "allow scripts" in told


def test_its_language_is_the_one_asked_for(seen):
    assert _Parsed(module.document(seen, language="en")).of("html")[0][0] == {"lang": "en"}


def test_a_notebook_shows_it_in_a_frame_that_reaches_nothing(seen):
    shown = seen._repr_html_()
    ((attributes, _),) = _Parsed(shown).of("iframe")
    assert attributes["sandbox"] == "allow-scripts" and attributes["srcdoc"] == module.document(seen)
    assert html.unescape(shown).count("<!doctype html>") == 1


def test_it_is_written_whole_over_a_former_one(seen, tmp_path):
    path = tmp_path / "new" / "inside.html"
    for _ in range(2):
        seen.save(path, views=["lens"], title="甲")
    assert path.read_text("utf-8") == module.document(seen, views=["lens"], title="甲")
    assert [entry.name for entry in path.parent.iterdir()] == ["inside.html"]


def test_views_that_are_not_built_are_one_line(seen, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "built_page", lambda: tmp_path)
    with pytest.raises(UserError, match="the views are not built: .*inspect.js is missing.* `make web`"):
        module.document(seen)


@pytest.mark.parametrize("bad", ["a</SCRIPT >", "a<!--"])
def test_code_that_would_end_its_element_is_refused(seen, tmp_path, monkeypatch, bad):
    (tmp_path / "inspect.js").write_text(bad)
    (tmp_path / "inspect.css").write_text("")
    monkeypatch.setattr(module, "built_page", lambda: tmp_path)
    with pytest.raises(UserError, match="must not end the element"):
        module.document(seen)

"""The table of docs/controls.md against the code of every surface."""

import dataclasses
import re

from commands import ROOT

from export.browser.page_facts import page_facts
from export.serving.limits import DTYPES
from tf_gpt2 import interactive, sample
from tf_gpt2.config import GPT2Config
from tf_gpt2.generation.settings import MODEL_FIELDS, GenerationSettings
from tf_gpt2.tokenizer import Tokenizer

DEFAULTS = {field.name: field.default for field in dataclasses.fields(GenerationSettings)}
PAGE_NAMES = {"num_samples": "versions"}  # the one control that the page calls otherwise


def _table():
    text = (ROOT / "docs" / "controls.md").read_text("utf-8")
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    head, _, *rows = lines
    return {row[0].strip("`"): dict(zip(head, row, strict=True)) for row in rows}


TABLE = _table()


def _with(column):
    return {name for name, row in TABLE.items() if row[column] == "yes"}


def _page():
    return (ROOT / "web" / "src" / "page" / "settings.js").read_text("utf-8")


def _camel(name):
    first, *rest = PAGE_NAMES.get(name, name).split("_")
    return first + "".join(word.capitalize() for word in rest)


def test_every_control_stands_in_the_table_with_its_default():
    assert list(TABLE) == list(DEFAULTS)
    assert _with("Python") == set(DEFAULTS)
    words = {None: "drawn", (): "none"}
    assert {name: row["default"] for name, row in TABLE.items()} == {
        name: words.get(value, str(value)) for name, value in DEFAULTS.items()
    }


def test_the_command_has_the_flags_of_the_table():
    help_text = sample._flags().help()
    assert _with("`sample`") == {name for name in DEFAULTS if re.search(rf"--(\[no\])?{name}\b", help_text)}


def test_the_prompt_loop_sets_what_the_table_says():
    assert _with("`--interactive`") == set(interactive._types())


def test_the_saved_model_takes_what_the_table_says():
    assert _with("SavedModel") == set(DTYPES)
    brought = {name for name, row in TABLE.items() if row["SavedModel"] == "the model's"}
    assert brought == set(MODEL_FIELDS.values()) - set(DTYPES)


def test_a_models_file_may_bring_what_the_table_says():
    found = {row["generation_config.json"].strip("`"): name for name, row in TABLE.items()}
    found.pop("")
    assert found == MODEL_FIELDS


def test_the_page_has_the_fields_of_the_table():
    fields = re.findall(r'\{ name: "(\w+)", min:', _page())
    assert sorted(map(_camel, _with("page"))) == sorted(fields)


def test_the_module_takes_the_settings_of_the_table():
    source = (ROOT / "web" / "src" / "module" / "settings.js").read_text("utf-8")
    listed = source[source.index("export const CONTROLS") : source.index("const NO_SETTINGS")]
    names = re.findall(r"^  (\w+): \{", listed, re.MULTILINE)
    expected = {"sample" if name == "num_samples" else _camel(name) for name in _with("module")}
    assert set(names) == expected
    brought = set(re.findall(r'config: "(\w+)"', listed))
    assert brought == {theirs for theirs, ours in MODEL_FIELDS.items() if ours in _with("module")}
    types = (ROOT / "web" / "src" / "module" / "types" / "gpt2.d.ts").read_text("utf-8")
    interface = types[types.index("interface Settings") : types.index("interface GenerateOptions")]
    assert set(re.findall(r"^  (\w+)\?:", interface, re.MULTILINE)) == expected


def test_the_page_begins_with_the_same_defaults(tmp_path):
    tokenizer = Tokenizer.train_characters(["却说"])
    config = GPT2Config(tokenizer.vocab_size, context_length=8, num_layers=1, num_heads=1, hidden_dim=8)
    brought = page_facts(tmp_path, config, tokenizer, None)["generation"]
    # The page's fields say under which name of site.json their default stands, and have none of their own.
    sources = dict(re.findall(r'\{ name: "(\w+)", min:.*?(?:, generation: "(\w+)")? \}', _page()))
    for name in _with("page"):
        source = sources[_camel(name)]
        assert (brought[source] if source else None) == DEFAULTS[name], name

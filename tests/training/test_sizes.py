"""Which preset a number of characters gets."""

import logging
import pathlib
import types

import pytest

from tf_gpt2.config import PRESETS, GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.training import run, sizes
from tf_gpt2.training.effort import EFFORTS
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.plan import plan_recipe


def test_the_nearest_column_counts(monkeypatch):
    monkeypatch.setitem(sizes.PRESETS_BY_EFFORT, "quick", ("a", "b", "c", "d"))
    named = {characters: sizes.preset_for(characters, "quick") for characters in (0, 424_000, 425_000, 2 * 10**6)}
    assert named == {0: "a", 424_000: "a", 425_000: "b", 2 * 10**6: "c"}
    assert sizes.preset_for(10**9, "quick") == "d"


def test_the_table_has_a_preset_for_every_effort_and_column():
    assert set(sizes.PRESETS_BY_EFFORT) == set(EFFORTS)
    for row in sizes.PRESETS_BY_EFFORT.values():
        assert len(row) == len(sizes.CHARACTERS)
        assert set(row) <= set(PRESETS)


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ({}, False),
        ({"effort": "quick"}, False),
        ({"preset": "demo", "effort": "evening"}, False),
        ({"init_from": "model", "effort": "evening"}, False),
        ({"effort": "evening"}, True),
        ({"effort": "thorough"}, True),
        ({"preset": "auto"}, True),
    ],
)
def test_who_leaves_the_choice_to_the_table(asked, chosen):
    assert TrainingOptions(**asked).sized_by_corpus is chosen


@pytest.mark.parametrize(
    ("asked", "characters", "share"),
    [
        ({}, 600_000, 0),
        ({"effort": "evening"}, 600_000, 0.3),
        ({"effort": "thorough", "preset": "demo"}, 1_300_000, 0.3),
        ({"effort": "evening"}, 1_300_001, 0),  # an hour reads it too few times
        ({"effort": "evening", "init_from": "model"}, 600_000, 0),
        ({"effort": "evening", "distill_from": ("a",)}, 600_000, 0),
        ({"multi_token_share": 0.5}, 3_000_000, 0.5),
        ({"effort": "evening", "multi_token_share": 0.0}, 600_000, 0),
    ],
)
def test_few_characters_with_time_learn_the_token_after_the_next(asked, characters, share):
    report = types.SimpleNamespace(characters=characters)
    options = sizes.fitted(TrainingOptions(**asked), report)
    assert plan_recipe(options, GPT2Config(50, 10, 2, 2, 8)).multi_token_share == share


def test_auto_beside_a_model_that_brings_its_shape_is_refused():
    with pytest.raises(UserError, match="`preset` has no effect with `init_from`"):
        TrainingOptions(preset="auto", init_from="model")


@pytest.fixture
def novel(tmp_path):
    path = tmp_path / "novel.txt"
    path.write_text("却说曹操引兵来到城下，只见城上旗号，乃是玄德。\n" * 200, "utf-8")
    return path


def test_a_run_takes_the_preset_of_its_characters_and_says_so(novel, tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sizes.PRESETS_BY_EFFORT, "quick", ("evening", "demo", "demo", "demo"))
    with caplog.at_level(logging.INFO):
        table = run.preflight(novel, tmp_path / "run", preset="auto", steps=2, hidden_dim=32).table()
    assert "`preset`=auto: evening for 4,799 characters and `effort`=quick" in caplog.text
    assert "4 layers" in table


def test_all_generations_of_a_thorough_training_have_one_preset(novel, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(run, "train_chain", lambda corpus, run_dir, options, train: asked.append(options))
    run.train_model(novel, tmp_path / "run", effort="thorough")
    run.train_model(novel, tmp_path / "run", effort="thorough", preset="demo")
    assert [options.preset for options in asked] == ["evening", "demo"]
    assert {options.multi_token_share for options in asked} == {0.3}


def test_the_guide_shows_the_table():
    guide = (pathlib.Path(__file__).parents[2] / "docs" / "train.md").read_text("utf-8")
    rows = {}
    for line in guide.splitlines():
        first, *places = [cell.strip() for cell in line.strip("|").split("|")]
        if len(places) == len(sizes.CHARACTERS):
            rows |= {
                word: tuple(place.strip("`") for place in places) for word in first.replace("`", "").split(", ")
            }
    assert {word: rows[word] for word in EFFORTS} == sizes.PRESETS_BY_EFFORT

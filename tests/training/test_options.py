"""What a user may ask of a training: what is refused, and what is left to the plan."""

import dataclasses
import math
import pathlib

import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.training.options import TrainingOptions

_FIELDS = dataclasses.fields(TrainingOptions)
_NUMBERS = sorted(field.name for field in _FIELDS if field.type in (float, float | None))
_WHOLE_NUMBERS = {field.name for field in _FIELDS if field.type in (int, int | None)} - {"split_seed"}  # any does
_NEVER_TOO_MANY = {field.name for field in _FIELDS if field.name.endswith("_every")}
_NEVER_TOO_MANY |= {"patience", "rollbacks", "freeze_layers"}  # the last is told when the model is opened


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"init_from": "m", "preset": "demo"}, "`preset` has no effect with `init_from`"),
        ({"init_from": "m", "tokenizer": "bpe"}, "`tokenizer` has no effect with `init_from`"),
        ({"init_from": "m", "num_layers": 3}, "`num_layers` has no effect with `init_from`"),
        ({"tokenizer": "bpe", "min_char_count": 1}, "`min_char_count` has no effect with `tokenizer`=bpe"),
        ({"vocab_size": 300}, "`vocab_size` has no effect with `tokenizer`=characters"),
        ({"sample_every": 0, "sample_prompt": "却说", "originality": False}, "`sample_prompt` has no effect"),
        ({"sample_every": 0, "sample_prompt": "却说", "eval_every": 0}, "`sample_prompt` has no effect"),
        ({"sample_every": 0, "sample_prompt": "却说", "validation_fraction": 0.0}, "`sample_prompt` has no effect"),
        ({"steps": 3, "minutes": 1.0}, "give one of"),
        ({"freeze_layers": 1}, "need `init_from`"),
        ({"preset": "huge"}, "`preset` must be one of"),
        ({"minutes": 0.0}, "`minutes` must be above 0"),
        ({"epochs": float("nan")}, "`epochs` must be above 0"),
        ({"validation_fraction": 0.0, "eval_every": 5}, "`eval_every` has no effect"),
        ({"validation_fraction": 1.0}, "`validation_fraction` must be"),
        ({"patience": 0}, "`patience` must be at least 1 validation; received 0"),
        ({"patience": 2, "eval_every": 0}, "`patience` has no effect without validations"),
        ({"patience": 2, "validation_fraction": 0.0}, "`patience` has no effect without validations"),
        ({"effort": "great"}, "`effort` must be one of quick, evening, thorough; received 'great'"),
        ({"effort": "thorough", "distill_from": ("a",)}, "`distill_from` has no effect with `effort`=thorough"),
        ({"effort": "thorough", "eval_every": 0}, "`effort`=thorough needs validations"),
        ({"distill_from": ("a", "a")}, "`distill_from` must name models, each once"),
        ({"distill_from": ()}, "`distill_from` must name models, each once"),
        ({"rollbacks": -1}, "`rollbacks` must be at least 0; received -1"),
    ],
)
def test_what_has_no_effect_or_makes_no_sense_is_refused(options, named):
    with pytest.raises(UserError, match=named):
        TrainingOptions(**options)


@pytest.mark.parametrize("beside", [{}, {"effort": "thorough"}])
@pytest.mark.parametrize(
    "wrong",
    [
        {"clip_norm": 0.0},
        {"log_every": 0},
        {"eval_every": -1},
        {"sample_every": -1},
        {"checkpoint_every": -1},
        {"keep_checkpoints": 0},
        {"learning_rate": 0.0},
        {"warmup_steps": -1},
        {"weight_decay": -1.0},
        {"multi_token_share": 1.5},
        {"batch_size": 0},
        {"accumulation_steps": 0},
        {"accumulation_steps": 3, "batch_size": 8},
        {"optimizer": "sgd"},
        {"dropout": 1.5},
        {"context_length": 0},
        {"num_layers": 0},
        {"num_heads": 0},
        {"hidden_dim": -4},
        {"num_heads": 3, "hidden_dim": 8},
        {"min_char_count": 0},
        {"vocab_size": 256, "tokenizer": "bpe"},
    ],
)
def test_a_mistake_shows_before_a_text_is_read(wrong, beside):
    with pytest.raises(UserError, match=f"`{next(iter(wrong))}` must"):
        TrainingOptions(**wrong, **beside)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *((name, number) for name in _NUMBERS for number in (math.nan, math.inf, -math.inf, -1.0)),
        *((name, -1) for name in sorted(_WHOLE_NUMBERS)),
        *((name, 10**400) for name in sorted(_WHOLE_NUMBERS - _NEVER_TOO_MANY)),
    ],
    ids=lambda value: "huge" if value == 10**400 else None,
)
def test_odd_numbers_are_refused_in_one_line(name, number):
    beside = {"tokenizer": "bpe"} if name == "vocab_size" else {"init_from": "m"} if name == "freeze_layers" else {}
    with pytest.raises(UserError, match=f"`{name}` must") as caught:
        TrainingOptions(**{name: number}, **beside)
    assert len(str(caught.value)) < 200


def test_what_only_text_or_model_decide_is_left_to_them():
    TrainingOptions(accumulation_steps=16, effort="evening")
    TrainingOptions(accumulation_steps=16, init_from="m", dropout=0.3)
    TrainingOptions(hidden_dim=8, effort="thorough")
    TrainingOptions(num_heads=5, effort="thorough")
    with pytest.raises(UserError, match="`accumulation_steps` must be a divisor of `batch_size`=16"):
        TrainingOptions(accumulation_steps=3)


def test_a_prompt_without_samples_is_what_originality_is_measured_from():
    assert TrainingOptions(sample_every=0, sample_prompt="却说", stop_when_copying=0.1).sample_prompt == "却说"


def test_dropout_of_an_opened_model_may_change():
    assert TrainingOptions(init_from="m", dropout=0.3).shape_changes == {"dropout": 0.3}


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"stop_when_copying": 1.5}, "`stop_when_copying` must be from 0 to 1"),
        ({"stop_when_copying": 0.1, "originality": False}, "`stop_when_copying` has no effect"),
        ({"stop_when_copying": 0.1, "validation_fraction": 0.0}, "`stop_when_copying` has no effect"),
        ({"stop_when_copying": 0.1, "eval_every": 0}, "`stop_when_copying` has no effect"),
    ],
)
def test_a_limit_on_copies_needs_its_measure(options, rule):
    with pytest.raises(UserError, match=rule):
        TrainingOptions(**options)


def test_one_teacher_may_be_given_as_a_string_and_folders_as_paths():
    path = pathlib.Path("runs/a")
    for given in ("runs/a", path, [path], ("runs/a",)):
        assert TrainingOptions(distill_from=given).distill_from == ("runs/a",)
    assert TrainingOptions(init_from=path).init_from == "runs/a"
    with pytest.raises(UserError, match="`distill_from` must name models, each once"):
        TrainingOptions(distill_from=("runs/a", path))

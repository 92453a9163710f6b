import dataclasses
import math
import pathlib

import pytest

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.training import recipes
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.plan import plan_recipe, plan_rhythm, plan_schedule, settled_recipe

_FIELDS = dataclasses.fields(TrainingOptions)
_NUMBERS = sorted(field.name for field in _FIELDS if field.type in (float, float | None))
_WHOLE_NUMBERS = {field.name for field in _FIELDS if field.type in (int, int | None)} - {"split_seed"}  # any does
_NEVER_TOO_MANY = {field.name for field in _FIELDS if field.name.endswith("_every")}
_NEVER_TOO_MANY |= {"patience", "rollbacks", "freeze_layers"}  # the last is told when the model is opened

CONFIG = GPT2Config(vocabulary_size=50, context_length=10, num_layers=2, num_heads=2, hidden_dim=8)


def test_fine_tuning_has_a_recipe_of_its_own():
    tuned = TrainingOptions(init_from="model", freeze_layers=1)
    assert plan_schedule(tuned, 100).learning_rate == 1e-4
    assert plan_recipe(tuned, CONFIG).batch_size == recipes.fine_tuning_batch_size(10)
    assert plan_recipe(tuned, CONFIG).frozen_layers == 1
    assert plan_rhythm(tuned, 1000).sample_every == 100
    assert plan_rhythm(TrainingOptions(), 1000).sample_every == 250


def test_reports_of_a_short_run_do_not_outweigh_its_steps():
    rhythms = [plan_rhythm(TrainingOptions(), steps) for steps in (1, 8, 15, 60, 200)]
    assert [rhythm.eval_every for rhythm in rhythms] == [1, 8, 10, 10, 20]
    assert [rhythm.sample_every for rhythm in rhythms] == [1, 8, 10, 15, 50]
    asked = plan_rhythm(TrainingOptions(eval_every=1, sample_every=0), 15)
    assert (asked.eval_every, asked.sample_every) == (1, 0)


def test_a_twentieth_is_warm_up_and_the_user_decides_otherwise():
    assert plan_schedule(TrainingOptions(), 1000).warmup_steps == 50
    assert plan_schedule(TrainingOptions(), 100_000).warmup_steps == 500
    assert plan_schedule(TrainingOptions(warmup_steps=0), 1000).warmup_steps == 0


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


def test_seeds_are_those_that_keras_takes():
    for seed in (0, 2**32 - 1):
        assert plan_recipe(TrainingOptions(seed=seed), CONFIG).seed == seed
    for seed in (-1, 2**32, 1.5):
        with pytest.raises(UserError, match="`seed` must be a whole number from 0 to 4294967295"):
            TrainingOptions(seed=seed)


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


def test_the_demos_rate_is_higher_in_a_short_run_and_a_run_that_began_keeps_its_own():
    rates = [plan_schedule(TrainingOptions(), steps).learning_rate for steps in (1, 530, 1060, 2247, 10_000)]
    assert rates == pytest.approx([3e-3, 3e-3, 2.47e-3, 2e-3, 2e-3], rel=1e-3)
    assert plan_schedule(TrainingOptions(), 530, {"learning_rate": 2e-3}).learning_rate == 2e-3
    assert plan_schedule(TrainingOptions(), 530, {}).learning_rate == 3e-3
    assert plan_schedule(TrainingOptions(learning_rate=1e-3), 530, {"learning_rate": 2e-3}).learning_rate == 1e-3
    assert plan_schedule(TrainingOptions(optimizer="adamw"), 530).learning_rate == 2e-3
    assert plan_schedule(TrainingOptions(preset="gpt2"), 530).learning_rate == 6e-4


def test_weight_decay_grows_with_the_passes_and_a_run_that_began_keeps_its_own():
    decays = [_settled(passes).weight_decay for passes in (0.1, 2, 2.5, 3.7, 6, 12, 20, 1000)]
    assert decays == [0.1, 0.1, 0.25, 0.5, 0.71, 1.0, 1.22, 1.5]
    assert _settled(12, {"weight_decay": 0.1}).weight_decay == 0.1
    assert _settled(12, {}).weight_decay == 1.0
    assert _settled(12, {"weight_decay": 0.1}, weight_decay=0.3).weight_decay == 0.3
    for options in ({"init_from": "m"}, {"optimizer": "adamw"}):
        assert _settled(12, **options).weight_decay == 0.1


def test_embeddings_learn_faster_in_few_passes_and_decay_more_but_not_in_a_run_that_began_with_one_recipe_for_all():
    rates = [_settled(passes).embedding_rate for passes in (0.1, 1, 2, 3, 4, 100)]
    assert rates == [2.0, 2.0, 1.5, 1.25, 1.0, 1.0]
    assert plan_recipe(TrainingOptions(), CONFIG) == _settled(1.9)  # by the clock: nothing is compiled again
    assert _settled(1, {"embedding_rate": 3.0}).embedding_rate == 3.0
    assert _settled(1, weight_decay=0.1).embedding_rate == 2.0
    assert [_settled(passes).embedding_decay for passes in (0.1, 100)] == [2.0, 2.0]
    for former in (
        _settled(1, {"weight_decay": 0.1}),
        _settled(1, init_from="m"),
        _settled(1, optimizer="adamw"),
    ):
        assert (former.embedding_rate, former.embedding_decay) == (1.0, 1.0)


def _settled(passes, stored=None, **asked):
    options = TrainingOptions(**asked)
    return settled_recipe(options, plan_recipe(options, CONFIG), passes, stored)


def test_there_is_an_average_where_it_is_asked_for_and_validations_can_choose_it():
    assert plan_recipe(TrainingOptions(), CONFIG).average_width == 0
    assert plan_recipe(TrainingOptions(average=True), CONFIG).average_width == recipes.AVERAGE_WIDTH
    for without in ({"validation_fraction": 0.0}, {"eval_every": 0}):
        with pytest.raises(UserError, match="`average` has no effect without validations"):
            TrainingOptions(average=True, **without)


def test_one_teacher_may_be_given_as_a_string_and_folders_as_paths():
    path = pathlib.Path("runs/a")
    for given in ("runs/a", path, [path], ("runs/a",)):
        assert TrainingOptions(distill_from=given).distill_from == ("runs/a",)
    assert TrainingOptions(init_from=path).init_from == "runs/a"
    with pytest.raises(UserError, match="`distill_from` must name models, each once"):
        TrainingOptions(distill_from=("runs/a", path))

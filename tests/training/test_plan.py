"""What a run does where the user asks for nothing, and what of it stays when it goes on."""

import pytest

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.training import recipes
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.plan import plan_recipe, plan_rhythm, plan_schedule, settled_recipe

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


def test_seeds_are_those_that_keras_takes():
    for seed in (0, 2**32 - 1):
        assert plan_recipe(TrainingOptions(seed=seed), CONFIG).seed == seed
    for seed in (-1, 2**32, 1.5):
        with pytest.raises(UserError, match="`seed` must be a whole number from 0 to 4294967295"):
            TrainingOptions(seed=seed)


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

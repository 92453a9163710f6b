import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.training.settings import Recipe, Rhythm, Schedule


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 0},
        {"accumulation_steps": 3},
        {"optimizer": "sgd"},
        {"weight_decay": -0.1},
        {"clip_norm": 0.0},
    ],
)
def test_a_recipe_out_of_range_is_refused_by_name(change):
    with pytest.raises(UserError, match=f"`{next(iter(change))}` must be"):
        Recipe(**{"batch_size": 8, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"warmup_steps": -1},
        {"final_learning_rate_share": 1.5},
    ],
)
def test_a_schedule_out_of_range_is_refused_by_name(change):
    with pytest.raises(UserError, match=f"`{next(iter(change))}` must be"):
        Schedule(**{"steps": 10, **change})


@pytest.mark.parametrize("change", [{"log_every": 0}, {"eval_every": -1}, {"keep_checkpoints": 0}])
def test_a_rhythm_out_of_range_is_refused_by_name(change):
    with pytest.raises(UserError, match=f"`{next(iter(change))}` must be"):
        Rhythm(**change)

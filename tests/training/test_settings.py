import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.training.settings import Rhythm, TrainingSettings


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"accumulation_steps": 3},
        {"optimizer": "sgd"},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"warmup_steps": -1},
        {"weight_decay": -0.1},
        {"clip_norm": 0.0},
        {"final_learning_rate_share": 1.5},
    ],
)
def test_values_out_of_range_are_refused_by_flag_name(change):
    with pytest.raises(UserError, match=f"--{next(iter(change))} must be"):
        TrainingSettings(**{"steps": 10, "batch_size": 8, **change})


@pytest.mark.parametrize("change", [{"log_every": 0}, {"eval_every": -1}, {"keep_checkpoints": 0}])
def test_a_rhythm_out_of_range_is_refused_by_flag_name(change):
    with pytest.raises(UserError, match=f"--{next(iter(change))} must be"):
        Rhythm(**change)

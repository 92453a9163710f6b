import dataclasses
import re

import pytest

from tf_gpt2.config import GPT2Config, preset_config
from tf_gpt2.training.memory import estimated_bytes, fitting_parts, plan_sparing, state_bytes
from tf_gpt2.training.preflight import Preflight, free_disk, run_bytes
from tf_gpt2.training.settings import Recipe, Rhythm

GIB = 2**30
GOOD = Preflight(
    config=GPT2Config(vocabulary_size=100, context_length=16, num_layers=2, num_heads=2, hidden_dim=32),
    recipe=Recipe(batch_size=8),
    rhythm=Rhythm(),
    steps=2000,
    done=0,
    window=16,
    parts=1,
    train_tokens=100_001,
    validation_tokens=5_000,
    device="CPU",
    precision="float32",
    state_bytes=30 << 20,
    step_bytes=90 << 20,
    memory=8 * GIB,
    disk_bytes=2 * GIB,
    disk_free=50 * GIB,
)


def test_the_table_has_everything_a_line_each():
    text = dataclasses.replace(GOOD, seconds_per_step=0.5, compile_seconds=4.0, done=500, measured="XLA").table()
    lines = dict(re.findall(r"^  (\w+) +(.+)$", text, re.MULTILINE))
    assert list(lines) == ["model", "text", "training", "memory", "time", "disk"]
    assert lines["model"].startswith("29,184 parameters (2 layers, width 32")
    assert "100,001 tokens to train on, 5,000 to measure on (313 windows)" in lines["text"]
    assert "2,000 steps (500 are done) of 8 x 16 tokens: 2.6 passes" in lines["training"]
    assert "90 MiB of 8.0 GiB (by XLA's account); weights and optimizer 30 MiB" in lines["memory"]
    assert lines["time"].startswith("12:30 at 0.5 s a step, after 4 s of compiling")
    assert lines["disk"].startswith("2.0 GiB of 50.0 GiB free")
    assert "note" not in text
    assert "the first steps will tell" in GOOD.table()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"steps": 10}, False),
        ({"steps": 11}, True),
        ({"steps": 8}, False),
        ({"steps": 208, "done": 200}, False),
        ({"steps": 50, "rhythm": Rhythm(log_every=50)}, False),
        ({"steps": 51, "rhythm": Rhythm(log_every=50)}, True),
    ],
)
def test_the_first_steps_are_promised_only_where_their_line_comes(changes, told):
    few = dataclasses.replace(GOOD, **changes)
    assert few.table().count("the first steps will tell") == (2 if told else 0)
    assert told or "too few steps to tell it before the end" in few.table()
    timed = dataclasses.replace(few, seconds_per_step=1.0)
    assert "will tell" not in timed.table() + timed.first_steps()  # they have told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train_tokens": 10_000, "steps": 4000}, r"2\.9 times as many parameters .* recite after about 16 passes"),
        ({"validation_tokens": 100}, r"few windows to measure on \(7\)"),
        ({"train_tokens": 1_500, "steps": 30}, "few for a vocabulary of 100"),
        ({"step_bytes": 9 * GIB}, "takes about 9.0 GiB and the device has 8.0 GiB"),
        ({"parts": 4}, "computed in 4 parts of 2"),
        ({"disk_free": GIB}, "will take 2.0 GiB and the disk has 1.0 GiB"),
        ({"seconds_per_step": 300.0}, "takes 6.9 days"),
        ({"steps": 20}, "20 steps are few"),
        ({"rhythm": Rhythm(checkpoint_every=0)}, "a kill loses everything"),
        ({"rhythm": Rhythm(eval_every=2500)}, "the only validation comes at the last step"),
        ({"rhythm": Rhythm(eval_every=2000)}, "the only validation comes at the last step"),
        ({"validation_tokens": 10}, r"few windows to measure on \(1\): chance"),
    ],
)
def test_what_is_likely_to_go_wrong_is_said_with_its_remedy(changes, said):
    notes = dataclasses.replace(GOOD, **changes).notes()
    assert not GOOD.notes()
    assert any(re.search(said, note) for note in notes), notes


def test_without_validations_nothing_is_said_of_them():
    for changes in ({"validation_tokens": 0}, {"validation_tokens": 100, "rhythm": Rhythm(eval_every=0)}):
        assert not dataclasses.replace(GOOD, **changes).notes()
    assert not dataclasses.replace(GOOD, validation_tokens=0, rhythm=Rhythm(eval_every=9999)).notes()
    assert "none held out" in dataclasses.replace(GOOD, validation_tokens=1).table()
    assert "10 to measure on (1 window)" in dataclasses.replace(GOOD, validation_tokens=10).table()


# XLA's own account of gpt2's step, 8 x 1024 tokens (docs/notes/memory.md), in GiB.
@pytest.mark.parametrize(("remat", "gib"), [("none", 9.47), ("blocks", 2.76), ("full", 2.77)])
def test_the_estimate_is_near_xlas_account(remat, gib):
    config = preset_config("gpt2", 50_257)
    sparing = plan_sparing(config, 8, 1024, remat)
    gradients = 4 * config.num_parameters
    estimate = state_bytes(config, "adamw") + gradients + estimated_bytes(config, 8, 1024, sparing)
    assert estimate / GIB == pytest.approx(gib, rel=0.25)


def test_the_fewest_parts_that_fit_are_taken():
    def needed(parts, rows):
        return 10 * rows

    assert fitting_parts(24, 1, needed, 1000) == 1
    assert fitting_parts(24, 1, needed, 100) == 3  # 80 of 90 usable
    assert fitting_parts(24, 4, needed, 1000) == 4
    assert fitting_parts(24, 1, needed, 5) == 24
    assert fitting_parts(24, 2, needed, None) == 2


def test_the_optimizers_state_is_what_keras_keeps():
    import keras

    from tf_gpt2.model import build_model
    from tf_gpt2.training.optimizer import build_optimizer

    config = GOOD.config
    model = build_model(config)
    for name in ("adamw", "muon"):
        optimizer = build_optimizer(Recipe(batch_size=1, optimizer=name), model.trainable_variables)
        kept = sum(keras.ops.size(v) for v in (*model.trainable_variables, *optimizer.variables) if len(v.shape))
        assert state_bytes(config, name) == pytest.approx(4 * int(kept), rel=0.01)


def test_disk(tmp_path):
    assert free_disk(tmp_path / "not" / "yet") == pytest.approx(free_disk(tmp_path), rel=0.1)
    assert run_bytes(model_bytes=4, state_bytes=12, keep=2) == 3 * 12 + 2 * 4

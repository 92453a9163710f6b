import keras
import numpy as np
import odd_files
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.files import write_tensors
from tf_gpt2.formats.training_checkpoint import DamagedCheckpoint
from tf_gpt2.run_directory import checkpoint_steps
from tf_gpt2.training.checkpoints import restore_checkpoint, snapshot_checkpoint

STATE = {"step": 12, "best_validation_loss": 1.5, "best_step": 9, "more": [1]}


def _variables(value=0.0):
    return [keras.Variable(np.full((2, 3), value), name="a"), keras.Variable(np.int64(value), name="a")]


def test_a_checkpoint_restores_values_types_and_state(tmp_path):
    saved, fresh = _variables(7.0), _variables()
    snapshot_checkpoint(tmp_path, 12, saved, STATE, keep=2)()
    assert (
        restore_checkpoint(tmp_path, 12, fresh).items()
        >= {**STATE, "unlogged_loss": 0.0, "recent_losses": []}.items()
    )
    for old, new in zip(saved, fresh, strict=True):
        np.testing.assert_array_equal(np.asarray(new), np.asarray(old))
        assert new.dtype == old.dtype


def test_the_newest_few_are_kept(tmp_path):
    for step in (5, 10, 15):
        snapshot_checkpoint(tmp_path, step, _variables(), {}, keep=2)()
    assert checkpoint_steps(tmp_path) == [10, 15]
    assert len(list(tmp_path.iterdir())) == 2


def test_infinity_survives_in_the_state(tmp_path):
    snapshot_checkpoint(tmp_path, 1, _variables(), {"best_validation_loss": float("inf")}, keep=1)()
    assert restore_checkpoint(tmp_path, 1, _variables())["best_validation_loss"] == float("inf")


def test_a_damaged_file_says_which_and_what_to_do(tmp_path):
    path = snapshot_checkpoint(tmp_path, 1, _variables(), {}, keep=1)()
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UserError, match=r"step-00000001\.safetensors is damaged.*delete it"):
        restore_checkpoint(tmp_path, 1, _variables())


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    snapshot_checkpoint(tmp_path, 1, _variables(), {}, keep=1)()
    with pytest.raises(UserError, match="another model"):
        restore_checkpoint(tmp_path, 1, _variables()[:1])


def test_no_directory_means_no_checkpoints(tmp_path):
    assert checkpoint_steps(tmp_path / "none") == []


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"state": "{"},
        {"state": "[1]"},
        {"state": "[" * 100_000},
        {"state": '{"step": "12"}'},
        {"state": '{"step": null}'},
        {"state": '{"best_validation_loss": NaN}'},
        {"state": '{"best_step": -1}'},
    ],
)
def test_a_damaged_state_is_one_line_and_changes_nothing(tmp_path, metadata):
    snapshot_checkpoint(tmp_path, 1, _variables(7.0), {}, keep=1)()
    tensors = {f"{number:05d}/a": np.asarray(variable) for number, variable in enumerate(_variables(7.0))}
    write_tensors(tmp_path / "step-00000001.safetensors", tensors, {"format": "x", **metadata})
    fresh = _variables()
    with pytest.raises(UserError, match=r"is damaged.*delete it") as caught:
        restore_checkpoint(tmp_path, 1, fresh)
    assert "\n" not in str(caught.value) and len(str(caught.value)) <= 500
    assert not np.asarray(fresh[0]).any()


def test_a_checkpoint_of_other_shapes_is_refused_before_anything_changes(tmp_path):
    snapshot_checkpoint(tmp_path, 1, _variables(7.0), {}, keep=1)()
    other = [keras.Variable(np.zeros((2, 3)), name="a"), keras.Variable(np.zeros(4), name="a")]
    with pytest.raises(UserError, match="another model"):
        restore_checkpoint(tmp_path, 1, other)
    assert not np.asarray(other[0]).any()


@pytest.mark.parametrize("kind", odd_files.KINDS)
def test_what_is_no_file_is_damage(tmp_path, kind):
    path = snapshot_checkpoint(tmp_path, 1, _variables(7.0), STATE, keep=1)()
    odd_files.put(path, kind)
    with pytest.raises(DamagedCheckpoint, match="is damaged"):
        restore_checkpoint(tmp_path, 1, _variables())


@pytest.mark.parametrize("where", [9, 60, 200, -1, -30])
def test_a_flipped_bit_anywhere_is_damage(tmp_path, where):
    path = snapshot_checkpoint(tmp_path, 1, _variables(7.0), STATE, keep=1, description={"model": "x" * 100})()
    data = bytearray(path.read_bytes())
    data[where] ^= 1
    path.write_bytes(bytes(data))
    fresh = _variables()
    with pytest.raises(DamagedCheckpoint, match="is damaged"):
        restore_checkpoint(tmp_path, 1, fresh)
    assert not np.asarray(fresh[0]).any()

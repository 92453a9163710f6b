import keras
import numpy as np
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.training.checkpoints import checkpoint_steps, restore_checkpoint, save_checkpoint


def _variables(value=0.0):
    return [keras.Variable(np.full((2, 3), value), name="a"), keras.Variable(np.int64(value), name="a")]


def test_a_checkpoint_restores_values_types_and_state(tmp_path):
    saved, fresh = _variables(7.0), _variables()
    save_checkpoint(tmp_path, 12, saved, {"best": 1.5}, keep=2)
    assert restore_checkpoint(tmp_path, 12, fresh) == {"best": 1.5}
    for old, new in zip(saved, fresh, strict=True):
        np.testing.assert_array_equal(np.asarray(new), np.asarray(old))
        assert new.dtype == old.dtype


def test_the_newest_few_are_kept_and_litter_of_a_killed_process_goes(tmp_path):
    (tmp_path / ".step-00000001.safetensors.abc").touch()
    for step in (5, 10, 15):
        save_checkpoint(tmp_path, step, _variables(), {}, keep=2)
    assert checkpoint_steps(tmp_path) == [10, 15]
    assert len(list(tmp_path.iterdir())) == 2


def test_infinity_survives_in_the_state(tmp_path):
    save_checkpoint(tmp_path, 1, _variables(), {"best": float("inf")}, keep=1)
    assert restore_checkpoint(tmp_path, 1, _variables()) == {"best": float("inf")}


def test_a_damaged_file_says_which_and_what_to_do(tmp_path):
    path = save_checkpoint(tmp_path, 1, _variables(), {}, keep=1)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UserError, match=r"step-00000001\.safetensors is damaged.*delete it"):
        restore_checkpoint(tmp_path, 1, _variables())


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    save_checkpoint(tmp_path, 1, _variables(), {}, keep=1)
    with pytest.raises(UserError, match="another model"):
        restore_checkpoint(tmp_path, 1, _variables()[:1])


def test_no_directory_means_no_checkpoints(tmp_path):
    assert checkpoint_steps(tmp_path / "none") == []

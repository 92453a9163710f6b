import json

import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.training.run_directory import open_run_directory

RUN = {"model": {"num_layers": 2}, "training": {"steps": 100}}


def _start(run_dir):
    (run_dir / "checkpoints").mkdir(parents=True)
    (run_dir / "checkpoints" / "step-00000010.safetensors").touch()
    (run_dir / "training.json").write_text(json.dumps(RUN))
    return run_dir


def test_a_fresh_directory_records_the_configuration(tmp_path):
    assert open_run_directory(tmp_path / "run", lambda stored: RUN, resume=True) == RUN
    assert json.loads((tmp_path / "run" / "training.json").read_text()) == RUN


def test_the_same_run_goes_on_and_sees_what_was_stored(tmp_path):
    seen = []
    open_run_directory(_start(tmp_path), lambda stored: seen.append(stored) or RUN, resume=True)
    assert seen == [RUN]


def test_another_configuration_is_refused_and_nothing_is_overwritten(tmp_path):
    run_dir = _start(tmp_path)
    other = {"model": {"num_layers": 3}, "training": {"steps": 100}}
    with pytest.raises(UserError, match="model.num_layers is 2 there and 3 here"):
        open_run_directory(run_dir, lambda stored: other, resume=True)
    assert json.loads((run_dir / "training.json").read_text()) == RUN


def test_a_directory_that_never_got_to_a_checkpoint_may_change(tmp_path):
    (tmp_path / "training.json").write_text(json.dumps(RUN))
    other = {"model": {"num_layers": 3}, "training": {"steps": 5}}
    assert open_run_directory(tmp_path, lambda stored: other, resume=True) == other


def test_noresume_does_not_touch_a_run(tmp_path):
    with pytest.raises(UserError, match="--noresume"):
        open_run_directory(_start(tmp_path), lambda stored: RUN, resume=False)


def test_a_model_from_elsewhere_is_not_overwritten(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds another model"):
        open_run_directory(tmp_path, lambda stored: RUN, resume=True)


def test_a_file_in_the_way_is_a_clear_line(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(UserError, match="is a file"):
        open_run_directory(tmp_path / "run", lambda stored: RUN, resume=True)

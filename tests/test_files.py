import os
import stat

import numpy as np
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.files import read_json, replacing, write_atomically, write_tensors


def test_a_failed_write_leaves_the_former_file_and_no_litter(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"former")

    def break_off():
        with replacing(path) as temporary:
            with open(temporary, "wb") as file:
                file.write(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="No space left"):
        break_off()
    assert path.read_bytes() == b"former"
    assert os.listdir(tmp_path) == ["file"]


def test_other_errors_pass_and_leave_no_litter(tmp_path):
    def break_off():
        with replacing(tmp_path / "file"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert os.listdir(tmp_path) == []


def test_files_have_the_users_usual_mode(tmp_path):
    write_atomically(tmp_path / "ours", b"")
    (tmp_path / "usual").touch()
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


def test_a_directory_in_the_way_is_a_clear_line(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        write_tensors(tmp_path / "file", {"a": np.zeros(2)}, {})
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe\x00", b"[" * 100_000])
def test_json_that_is_no_object_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.json.*; do this"):
        read_json(path, remedy="do this")

import pytest

from export.output_folder import new_folder
from tf_gpt2.errors import UserError


@pytest.mark.parametrize("exists", [False, True])
def test_a_folder_appears_whole(tmp_path, exists):
    output = tmp_path / "a" / "b"
    if exists:
        output.mkdir(parents=True)
    with new_folder(output) as folder:
        (folder / "x").write_text("1")
        assert not (output / "x").exists()
    assert (output / "x").read_text() == "1"
    assert output.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in output.parent.iterdir()] == ["b"]


def test_after_an_error_nothing_is_there(tmp_path):
    with pytest.raises(RuntimeError), new_folder(tmp_path / "out") as folder:
        (folder / "x").write_text("1")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", ["file", "folder", "none"])
def test_nothing_is_written_over(tmp_path, make):
    output = tmp_path / "out"
    if make == "file":
        output.write_text("mine")
    elif make == "folder":
        output.mkdir()
        (output / "mine").write_text("mine")
    with pytest.raises(UserError, match="--output must"), new_folder(None if make == "none" else output):
        pass


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"), new_folder(tmp_path / "file" / "out"):
        pass

"""The command, as a user runs it: the file, its one line of JSON, and texts and mistakes of every kind."""

import json

import numpy as np
import pytest
from commands import call, error_line

from tf_gpt2 import __main__ as door
from tf_gpt2.errors import UserError
from tf_gpt2.inspection.views import VIEWS

TEXT = "却说曹操引兵，天下大势"


@pytest.fixture
def inspect(served_run_dir, tmp_path, capsys):
    """Runs the command in this process: (the last line, the file's payload, messages)."""

    def look(*flags):
        output = tmp_path / "inside.html"
        assert door.main(["inspect", f"--run_dir={served_run_dir}", f"--output={output}", *flags]) == 0
        printed = capsys.readouterr()
        page = output.read_text("utf-8")
        data = page.split('id="payload">', 1)[1].split("</script>", 1)[0]
        return json.loads(printed.out.splitlines()[-1]), json.loads(data), printed.err

    return look


def test_a_file_of_all_views(served_run_dir, tmp_path):
    output = tmp_path / "inside.html"
    code, printed, errors = call(
        "tf_gpt2.inspect", f"--run_dir={served_run_dir}", f"--text={TEXT}", f"--output={output}"
    )
    assert (code, errors) == (0, f"open {output} in a browser\n")
    facts = json.loads(printed)
    assert facts == {
        "output": str(output), "bytes": output.stat().st_size, "tokens": len(TEXT), "views": list(VIEWS)
    }  # fmt: skip


def test_views_settings_title_and_language_are_taken(inspect):
    facts, found, errors = inspect(
        f"--text={TEXT}", "--views=lens,surprise", "--temperature=0.5", "--top_k=3", "--top_p=0.9", "--title=甲",
        "--language=en",
    )  # fmt: skip
    assert facts["views"] == found["views"] == ["surprise", "lens"] and "note" not in errors
    assert found["settings"] == {"temperature": 0.5, "topK": 3, "topP": 0.9}
    assert (found["title"], found["language"]) == ("甲", "en")


@pytest.mark.parametrize("text", ["", "曹", "😀", "<script>alert(1)"])
def test_any_text_has_a_file(inspect, text):
    facts, found, errors = inspect(f"--text={text}")
    assert "note" not in errors and len(found["tokens"]) == facts["tokens"] >= 1
    assert "".join(found["characters"]) == (text or "<|endoftext|>")


def test_of_a_text_of_100_000_characters_a_window_is_shown_and_said(inspect, tmp_path):
    path = tmp_path / "long.txt"
    path.write_bytes(b"\xef\xbb\xbf" + ("曹操" * 50_000).encode())
    facts, found, errors = inspect(f"--text_file={path}", "--start=50000", "--max_tokens=20")
    assert facts["tokens"] == 20 and found["window"] == {"start": 50_000, "total": 100_000}
    assert "the text has 100000 tokens; the file shows 20, from token 50001 on" in errors
    assert "--start and --max_tokens" in errors
    facts, _, errors = inspect(f"--text_file={path}")
    assert facts["tokens"] == 24 and "from token 1 on" in errors


MISTAKES = [
    (["--output=x.html"], "--text must give the text to look at"),
    (["--text=曹"], "--output must name the file"),
    (["--text=曹", "--output=x.html", "--views=poem"], "--views must be of candidates"),
    (["--text=曹", "--output=x.html", "--start=1"], "--start must be below the text's 1 tokens; received 1"),
    (["--text=曹", "--output=x.html", "--max_tokens=0"], "--max_tokens"),
    (["--text=曹", "--output=x.html", "--temperature=-1"], "--temperature must be"),
    (["--text=曹", "--output=x.html", "--text_file=x.txt"], "--text has no effect with --text_file"),
    (["--output=x.html", "--text_file=/"], "--text_file must be a file that can be read"),
    (["--text=曹", "--output=x.html", "--language=fr"], "--language"),
]


@pytest.mark.parametrize(("flags", "line"), MISTAKES)
def test_a_mistake_is_one_line_and_leaves_no_file(served_run_dir, tmp_path, monkeypatch, flags, line):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        door.main(["inspect", f"--run_dir={served_run_dir}", *flags])
    assert line in str(caught.value) and "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_text_in_another_encoding_is_one_line(served_run_dir, tmp_path):
    path = tmp_path / "old.txt"
    path.write_bytes("曹操".encode("gb18030"))
    with pytest.raises(UserError, match="must be in UTF-8; .*old.txt is not"):
        door.main(["inspect", f"--run_dir={served_run_dir}", f"--text_file={path}", f"--output={tmp_path / 'x'}"])


def test_a_model_of_nan_is_one_line_and_exit_code_2(served_run_dir, tmp_path):
    from tf_gpt2.model_directory import load_config, load_weights, save_model_directory
    from tf_gpt2.tokenizer import Tokenizer

    config = load_config(served_run_dir)
    weights = {name: np.array(array) for name, array in load_weights(served_run_dir, config).items()}
    weights["h.1.attn.c_attn.weight"][:] = np.nan
    save_model_directory(tmp_path / "run", config, weights, Tokenizer.load(served_run_dir))
    line = error_line(
        "tf_gpt2.inspect", f"--run_dir={tmp_path / 'run'}", f"--text={TEXT}", f"--output={tmp_path / 'x.html'}"
    )
    assert "attention must be finite; layer 1 gives NaN" in line
    assert not (tmp_path / "x.html").exists()

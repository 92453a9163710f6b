"""The examples of docs/python.md run as they stand there, the training for two steps instead of ten minutes."""

import re
import shutil

from commands import ROOT

TEXT = "却说曹操引兵，天下大势，a b\n"


def test_the_examples_run(served_run_dir, tmp_path, monkeypatch, capsys):
    shutil.copytree(served_run_dir, tmp_path / "runs" / "demo")
    (tmp_path / "novels").mkdir()
    (tmp_path / "novels" / "one.txt").write_text(TEXT * 200, "utf-8")
    (tmp_path / "other.txt").write_text(TEXT * 3, "utf-8")
    monkeypatch.chdir(tmp_path)
    names = {}
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text("utf-8"), re.DOTALL)
    assert len(examples) == 6 and "minutes=10" in examples[0]
    for example in examples:
        exec(example.replace("minutes=10", "steps=2"), names)
    assert "却说曹操" in capsys.readouterr().out
    assert names["trained"].steps == 2 and names["trained"].validation_loss > 0
    count = len(names["ids"][0])
    assert names["hidden"].shape == (1, count, 16) and names["attention"].shape == (1, 2, count, count)
    assert names["seen"].attention.shape == (2, 2, count, count) and (tmp_path / "inside.html").is_file()
    assert names["written"]["dtype"] == "float16" and (tmp_path / "publish" / "README.md").is_file()

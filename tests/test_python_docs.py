"""The examples of docs/python.md run as they stand there."""

import re
import shutil

from commands import ROOT


def test_the_examples_run(served_run_dir, tmp_path, monkeypatch, capsys):
    shutil.copytree(served_run_dir, tmp_path / "runs" / "demo")
    monkeypatch.chdir(tmp_path)
    names = {}
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text("utf-8"), re.DOTALL)
    for example in examples:
        exec(example, names)
    assert len(examples) == 3 and capsys.readouterr().out.startswith("却说曹操")
    count = len(names["ids"][0])
    assert names["hidden"].shape == (1, count, 16) and names["attention"].shape == (1, 2, count, count)

"""The notebook runs from its first cell to its last on a tiny setting; and its first cells do what Colab needs."""

import json
import pathlib
import re
import sys
import types

import pytest
from commands import ROOT

PATH = ROOT / "notebooks" / "jin_yong_gpt2.ipynb"
CELLS = {cell["id"]: cell for cell in json.loads(PATH.read_text("utf-8"))["cells"]}
CODE = {name: "".join(cell["source"]) for name, cell in CELLS.items() if cell["cell_type"] == "code"}
TINY = {
    "TRAINING": {"steps": 2, "num_layers": 1, "num_heads": 2, "hidden_dim": 16, "context_length": 16,
                 "batch_size": 4, "min_char_count": 1, "sample_every": 0},
    "LENGTH": 8,
    "TEXT": "喬峯對她說：「永遠！」"[:8],
}  # fmt: skip


def test_its_words_are_chinese_with_english_beside_and_it_holds_no_results():
    for name, cell in CELLS.items():
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            assert re.search("[\u4e00-\u9fff]{4}", text) and re.search(r"\*[A-Z][^*\n]{20,}", text), name
        else:
            assert cell["outputs"] == [] and cell["execution_count"] is None, name
            for line in text.splitlines():
                _, mark, comment = line.partition("  # ")
                assert not mark or re.search("[\u4e00-\u9fff].* / [A-Za-z]", comment), line


def _with(source, values):
    """The cell of settings with others in it."""
    for name, value in values.items():
        source, count = re.subn(rf"^{name} = .*$", lambda _, n=name, v=value: f"{n} = {v!r}", source, flags=re.M)
        assert count == 1, name
    return source


def test_it_runs_from_the_first_cell_to_the_last(tmp_path, monkeypatch):
    import nbclient
    import nbformat

    novel = tmp_path / "novel.txt"
    novel.write_text("却说喬峯帶阿朱回到北方，對她說：「我們永遠留在這裡！」" * 60, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.id == "settings":
            values = {**TINY, "NOVELS": str(novel), "RUN_DIR": str(tmp_path / "run")}
            cell.source = _with(cell.source, values)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    printed = {name: "".join(out.get("text", "") for out in found) for name, found in outputs.items()}
    assert "nats per character: " in printed["train"] and "parameters" in printed["open"]
    assert printed["write"].startswith("却说") and printed["temperatures"].count("【") == 4
    (shown,) = outputs["inside"]
    assert "<iframe sandbox" in shown["data"]["text/html"]
    assert "attention (1, 2, 8, 8)" in printed["numbers"] and printed["numbers"].count("→") == 10
    assert (tmp_path / "run" / "inside.html").is_file() and (tmp_path / "run" / "site.zip").is_file()


@pytest.fixture
def colab(monkeypatch):
    """Colab as a notebook sees it: its modules, and what was asked of pip and Google Drive."""
    asked = []
    drive = types.SimpleNamespace(mount=lambda path: asked.append(("mount", path)))
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(drive=drive))
    monkeypatch.setattr("subprocess.run", lambda command, check: asked.append(command[1:]))
    monkeypatch.setattr("shutil.which", lambda name: None)
    return asked


def _first_cells(**values):
    names = {}
    exec(_with(CODE["settings"], values), names)
    exec(CODE["install"], names)
    return names


def test_on_colab_it_installs_what_the_reader_names_and_keeps_the_run_in_drive(colab):
    names = _first_cells(INSTALL="/content/tf_gpt2.whl", DRIVE=True, RUN_DIR="runs/mine")
    install = ["-m", "pip", "install", "--quiet", "/content/tf_gpt2.whl"]
    assert colab == [install, ("mount", "/content/drive")]
    assert pathlib.PurePosixPath(names["RUN_DIR"]) == pathlib.PurePosixPath("/content/drive/MyDrive/tf_gpt2/mine")


def test_a_gpu_runtime_gets_tensorflow_for_it(colab, monkeypatch, capsys):
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == "nvidia-smi" else None)
    names = _first_cells(INSTALL="checkout")
    assert colab == [["-m", "pip", "install", "--quiet", "checkout[gpu]"]]
    assert names["RUN_DIR"] == "runs/notebook" and "yes" in capsys.readouterr().out


def test_elsewhere_nothing_is_installed_and_no_drive_is_asked_for(colab, monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab")
    assert _first_cells(DRIVE=True)["RUN_DIR"] == "runs/notebook" and colab == []

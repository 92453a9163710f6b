"""The wheel in a fresh environment, in an empty folder far from the checkout: train, write, page, SavedModel."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest
from commands import ROOT

TRAINING = (
    "--steps=2",
    "--num_layers=1",
    "--num_heads=2",
    "--hidden_dim=16",
    "--context_length=16",
    "--batch_size=4",
    "--min_char_count=1",
    "--sample_every=0",
)


# XLA_FLAGS is set anew: a training in the tests' own process leaves more in it.
UNKNOWN_TO_A_USER = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "XLA_FLAGS")


def _uv(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "uv", *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as `make wheel` builds it; from a copy, so that the checkout keeps no build folder."""
    if not (ROOT / "web" / "dist" / "index.html").exists():
        pytest.fail("the page is not built; run make web")
    source, output = tmp_path_factory.mktemp("source") / "tf_gpt2", tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns(
        ".*", "node_modules", "build", "dist", "runs", "tests", "__pycache__", "*.egg-info"
    )
    shutil.copytree(ROOT, source, ignore=left_out)
    shutil.copytree(ROOT / "web" / "dist", source / "web" / "dist")
    _uv(
        "build",
        "--quiet",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        output,
        source,
    )
    (path,) = output.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A fresh environment with the wheel and the lock of this TensorFlow; uv links files from its cache.

    Python compiles what is imported, a fifth of what is installed.
    """
    folder = tmp_path_factory.mktemp("environment") / "env"
    _uv("venv", "--quiet", "--python", sys.executable, folder)
    lock = "core.lock" if _tensorflow() >= (2, 21) else "oldest.lock"
    _uv(
        "pip",
        "install",
        "--quiet",
        "--python",
        folder,
        "--require-hashes",
        "-r",
        ROOT / "requirements" / lock,
    )
    _uv("pip", "install", "--quiet", "--python", folder, "--no-deps", wheel)
    return folder


def _tensorflow():
    import tensorflow as tf

    return tuple(map(int, tf.__version__.split(".")[:2]))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder with a user's novel, and a user's own export.py, which must not be imported."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "novel.txt").write_text("却说曹操引兵，玄德大喜。孔明曰，云长提刀。诸将皆惊！" * 60, "utf-8")
    (folder / "export.py").write_text("raise RuntimeError('this is not your export')\n", "utf-8")
    return folder


def _run(environment, folder, *command):
    """Runs a command of the environment's scripts in `folder`; returns stdout."""
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    kept = {name: value for name, value in os.environ.items() if name not in UNKNOWN_TO_A_USER}
    done = subprocess.run(
        [str(scripts / command[0]), *command[1:]],
        cwd=folder,
        env={**kept, "TF_GPT2_CACHE": str(folder / "cache"), "XLA_FLAGS": "--xla_backend_optimization_level=0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trained(environment, elsewhere):
    _run(environment, elsewhere, "tf-gpt2", "train", "--corpus=novel.txt", "--run_dir=run", *TRAINING)
    return elsewhere / "run"


def test_the_wheel_holds_the_page_and_no_top_level_export(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"tf_gpt2"}
    page = {pathlib.PurePosixPath(name).name for name in names if name.startswith("tf_gpt2/export/page/")}
    assert page == {path.name for path in (ROOT / "web" / "dist").iterdir()}
    assert "tf_gpt2/py.typed" in names


def test_the_wheel_holds_every_module(wheel):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.endswith(".py")}
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("tf_gpt2/**/*.py")}
    modules |= {f"tf_gpt2/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("export/**/*.py")}
    assert packed == modules


def test_the_door_lists_the_commands(environment, elsewhere):
    listed = _run(environment, elsewhere, "python", "-m", "tf_gpt2")
    assert listed == _run(environment, elsewhere, "tf-gpt2")
    assert {"train", "sample", "site", "savedmodel"} <= set(listed.split())


def test_it_trains_and_writes(environment, elsewhere, trained):
    assert (trained / "model.safetensors").is_file()
    flags = ("--run_dir=run", "--prompt=却说", "--max_new_tokens=8", "--seed=1")
    text = _run(environment, elsewhere, "tf-gpt2", "sample", *flags)
    assert text.startswith("却说")
    assert text == _run(environment, elsewhere, "python", "-m", "tf_gpt2.sample", *flags)


def test_it_makes_the_page(environment, elsewhere, trained):
    _run(environment, elsewhere, "tf-gpt2", "site", "--run_dir=run", "--output=site", "--samples=1")
    site = elsewhere / "site"
    for name in ("index.html", "app.js", "service_worker.js", "kernels.wasm"):
        assert (site / name).is_file(), name
    assert json.loads((site / "site.json").read_text("utf-8"))["dtype"] == "int8"
    assert sum(path.stat().st_size for path in (site / "bundle").iterdir()) > 10_000


def test_it_looks_inside(environment, elsewhere, trained):
    _run(environment, elsewhere, "tf-gpt2", "inspect", "--run_dir=run", "--text=却说", "--output=inside.html")
    assert (elsewhere / "inside.html").read_text("utf-8").count("<script") == 2


@pytest.mark.slow
def test_it_makes_the_savedmodel(environment, elsewhere, trained):
    output = "--output=models/demo/1"
    _run(environment, elsewhere, "python", "-m", "tf_gpt2.export.savedmodel", "--run_dir=run", output)
    assert (elsewhere / "models" / "demo" / "1" / "saved_model.pb").is_file()

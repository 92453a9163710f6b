"""The locks, asked of uv: every system and Python that setup.cfg promises gets whole wheels, hashes and all."""

import configparser
import importlib.util
import pathlib
import re
import subprocess
import sys

import pytest
from commands import ROOT

LOCKS = ROOT / "requirements"
SYSTEMS = (
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
# Names that must not be in what `make demo` installs.
HEAVY = (
    "tensorflowjs",
    "tensorflow-decision-forests",
    "jax",
    "flax",
    "ydf",
    "pytest",
    "mypy",
    "playwright",
    "nvidia-",
)

pytestmark = pytest.mark.skipif(importlib.util.find_spec("uv") is None, reason="uv is not in this environment")


def _resolve(lock, system, python, folder: pathlib.Path):
    """What uv would install on `system`, by package name; the assertion holds what it misses."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--dry-run",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ]
    command += ["--python-platform", system, "--python-version", python, "--target", str(folder)]
    done = subprocess.run(
        [*command, "-r", str(LOCKS / lock)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return {line[3:].split("==")[0] for line in done.stderr.splitlines() if line.startswith(" + ")}


@pytest.mark.parametrize("python", ["3.11", "3.13"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_core_lock_resolves(system, python, tmp_path):
    names = _resolve("core.lock", system, python, tmp_path)
    assert {"tensorflow", "keras", "tokenizers", "pydantic", "tensorboard"} <= names
    assert ("tensorflow-text" in names) == ("windows" not in system)
    assert not [name for name in names if name.startswith(HEAVY)]


@pytest.mark.parametrize(
    ("lock", "python", "brings"),
    [
        ("dev.lock", "3.11", "mypy"),
        ("dev.lock", "3.13", "mypy"),
        ("oldest.lock", "3.11", "pytest"),
        ("tfjs.lock", "3.11", "tensorflowjs"),
        ("beam.lock", "3.11", "apache-beam"),
        ("gpu.lock", "3.13", "nvidia-cudnn-cu12"),
    ],
)
def test_the_other_locks_resolve_on_linux(lock, python, brings, tmp_path):
    assert brings in _resolve(lock, SYSTEMS[0], python, tmp_path)


def test_a_lock_that_lacks_a_wheel_is_noticed(tmp_path):
    with pytest.raises(AssertionError, match="tensorflow"):
        _resolve("oldest.lock", SYSTEMS[0], "3.13", tmp_path)  # TensorFlow 2.19 has none for Python 3.13


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.lock")), ids=lambda path: path.name)
def test_locks_name_no_place(lock):
    text = lock.read_text("utf-8")
    assert not re.findall(r"https?://|file:|--[a-gi-z][\w-]*|(?<![\w.])/\w+", text)
    assert "--hash=sha256:" in text


def _pinned(lock):
    return set(re.findall(r"^([\w.-]+)==", (LOCKS / lock).read_text("utf-8"), re.MULTILINE))


def test_the_core_lock_has_every_requirement():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    wanted = re.findall(r"^([\w.-]+)", setup["options"]["install_requires"], re.MULTILINE)
    assert len(wanted) >= 12
    assert {name.lower() for name in wanted} <= _pinned("core.lock")


def test_the_test_tools_come_on_top_of_the_core_lock():
    def pins(lock):
        return set(re.findall(r"^[^ \n]+==.*$", (LOCKS / lock).read_text("utf-8"), re.MULTILINE))

    assert pins("core.lock") < pins("dev.lock")


def test_every_package_of_the_checkout_is_installed():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    named = set(setup["options"]["packages"].split())
    folders = [path.parent.relative_to(ROOT) for path in [*ROOT.glob("tf_gpt2/**/__init__.py")]]
    folders += [
        pathlib.PurePath("tf_gpt2") / path.parent.relative_to(ROOT) for path in ROOT.glob("export/**/__init__.py")
    ]
    assert {".".join(folder.parts) for folder in folders} == named

"""Environments of other programs for the slow tests, made once in the checkout from the versions of tests/peers."""

import pathlib
import subprocess
import venv

from commands import ROOT

PEERS = pathlib.Path(__file__).parent / "peers"


def python_of(name):
    """The interpreter of the environment with what peers/NAME.txt names, made when it is missing."""
    folder, requirements = ROOT / f".venv-{name}", PEERS / f"{name}.txt"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists() or done.read_text() != requirements.read_text():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True)
        done.write_text(requirements.read_text())
    return python

"""The peer of benchmarks.browser: transformers.js with the same shape, set up from npm and PyPI."""

import os
import pathlib
import shutil
import subprocess
import sys

from benchmarks.workers import ROOT, peer_python

SOURCE = pathlib.Path(__file__).parent / "peers" / "transformers_js"
DTYPES = ("fp32", "q8")


def prepare_peer(folder: pathlib.Path, python: str | None) -> pathlib.Path:
    """Sets the peer up in `folder`/transformers_js: its packages and a model (460 MB), each once.

    Args:
        folder: Of the benchmark.
        python: Interpreter that has torch and onnxruntime. Default: that of `.venv-peers`, made when missing.

    Returns:
        The folder to serve.
    """
    peer = folder / "transformers_js"
    peer.mkdir(parents=True, exist_ok=True)
    for name in ("index.html", "peer.js"):
        shutil.copy(SOURCE / name, peer)
    _once(peer / "packages", _install)
    _once(peer / "model", lambda scratch: _export(scratch, python))
    return peer


def _once(target, make):
    """Makes a folder unless it is there; one that was broken off is not taken for whole."""
    if target.exists():
        return
    scratch = target.with_name(target.name + ".part")
    shutil.rmtree(scratch, ignore_errors=True)
    make(scratch)
    scratch.rename(target)


def _install(scratch):
    print("fetching transformers.js (once)", file=sys.stderr)
    scratch.mkdir()
    shutil.copy(SOURCE / "package.json", scratch)
    own = ROOT / ".venv-node" / "bin"  # where make puts Node on a machine without one
    path = os.pathsep.join([os.environ["PATH"], str(own)])
    npm = shutil.which("npm", path=path)
    if not npm:
        raise SystemExit("error: npm is needed to set up the peer, but is not on the PATH; run make web first")
    # Without scripts: those of its Node packages fetch binaries that a page has no use for.
    command = [npm, "install", "--ignore-scripts", "--no-fund", "--no-audit", "--silent"]
    subprocess.run(command, cwd=scratch, env={**os.environ, "PATH": path}, check=True)


def _export(scratch, python):
    print("exporting the peer's model (once, a minute)", file=sys.stderr)
    module = "benchmarks.peers.transformers_js.export_model"
    subprocess.run([peer_python(python), "-m", module, scratch], cwd=ROOT, check=True, stdout=sys.stderr)

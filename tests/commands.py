"""Runs the product's commands as a user does, in processes of their own."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parent.parent


def start(module, *flags, **changes):
    """Starts `python -m module flags` from the repository root."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    options |= {"cwd": ROOT, "env": os.environ}
    return subprocess.Popen([sys.executable, "-m", module, *map(str, flags)], **{**options, **changes})


def run(module, *flags, timeout=240, **changes):
    """Runs a command to its end; returns (exit code, stdout, stderr)."""
    process = start(module, *flags, **changes)
    output, errors = process.communicate(timeout=timeout)
    return process.returncode, output, errors


def error_line(module, *flags, **changes):
    """Runs a command that must fail with one line for the user; returns that line."""
    code, output, errors = run(module, *flags, **changes)
    assert code == 2, (code, errors)
    assert output == ""
    assert "Traceback" not in errors
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, errors
    assert errors.splitlines()[-1] == lines[0]
    return lines[0]

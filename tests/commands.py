"""Runs the product's commands as a user does: in processes of their own, or in this one, which is quicker."""

import contextlib
import importlib
import io
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


def call(module, *flags, cwd=ROOT):
    """As `run`, in this process, which has loaded TensorFlow already."""
    from tf_gpt2 import command

    main = importlib.import_module(module).main
    output, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="", write_through=True) for _ in range(2))
    with contextlib.chdir(cwd), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        code = command.call(main, [str(flag) for flag in flags])
    return code, *(stream.buffer.getvalue().decode() for stream in (output, errors))


def error_line(module, *flags, cwd=ROOT):
    """Calls a command that must fail with one line for the user; returns that line."""
    code, output, errors = call(module, *flags, cwd=cwd)
    assert code == 2, (code, errors)
    assert output == ""
    assert "Traceback" not in errors
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, errors
    assert errors.splitlines()[-1] == lines[0]
    return lines[0]

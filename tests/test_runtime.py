"""XLA's flags, each case in a process of its own, since a process reads them once."""

import os
import subprocess
import sys

import pytest
from commands import ROOT


def _run(code, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in ("XLA_FLAGS", "TF_CPP_MIN_LOG_LEVEL")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1], done.stderr


REPORT = "print(runtime.xla_flags_in_force()); print(runtime.training_flags_in_force())"


def test_tensorflow_takes_every_flag_without_a_word():
    """An unknown flag ends the process; one without effect is told in the log."""
    code = f"from tf_gpt2 import runtime; runtime.prepare_training(); {REPORT}"
    (flags, in_force), log = _run(code, TF_CPP_MIN_LOG_LEVEL="1")
    assert "tree_reduction_rewriter" in flags
    assert in_force == "True"
    assert "no longer supported" not in log


def test_flags_added_after_the_first_program_are_not_in_force():
    code = (
        "import os; from tf_gpt2 import runtime; runtime._TRAINING = ('--xla_trained=1',);"
        f"runtime.load_tensorflow(xla=True); runtime.prepare_training(); {REPORT};"
        "print(os.environ['XLA_FLAGS'])"
    )
    (flags, in_force, environment), _ = _run(code)
    assert "--xla_trained" not in flags
    assert in_force == "False"
    assert environment == flags


def test_flags_count_until_the_first_program():
    code = (
        "from tf_gpt2 import runtime; runtime.load_tensorflow();"
        "runtime._TRAINING = ('--xla_cpu_enable_fast_math=false',);"
        f"runtime.prepare_training(); {REPORT}"
    )
    (flags, in_force), _ = _run(code)
    assert "--xla_cpu_enable_fast_math=false" in flags
    assert in_force == "True"


def test_a_users_own_flag_wins():
    code = f"from tf_gpt2 import runtime; {REPORT}"
    (flags, _), _ = _run(code, XLA_FLAGS="--xla_disable_hlo_passes=cse")
    assert "--xla_disable_hlo_passes=cse" in flags
    assert "tree_reduction_rewriter" not in flags


@pytest.mark.parametrize(("release", "count"), [((2, 19), 2), ((2, 21), 1)])
def test_flags_fit_the_release(release, count):
    code = (
        "import importlib.metadata as m; m.version = lambda name: "
        f"'{release[0]}.{release[1]}.0'; from tf_gpt2 import runtime; print(len(runtime._ALWAYS))"
    )
    (printed,), _ = _run(code)
    assert int(printed) == count

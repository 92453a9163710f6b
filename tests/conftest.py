"""Settings and small models shared by the tests."""

import atexit
import contextlib
import gc
import importlib.metadata
import importlib.util
import os
import pathlib
import shutil
import signal
import sys
import tempfile

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# Tests set the state that they test: what the caller's shell has set is taken back first, for what they start too.
# Without a locale Python speaks UTF-8.
for _name in [
    *("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL", "XLA_FLAGS", "LANG", "LANGUAGE", "COLUMNS"),
    *("PYTHONCOERCECLOCALE", "PYTHONIOENCODING", "PYTHONOPTIMIZE", "PYTHONUTF8", "PYTHONWARNINGS"),
    *(name for name in os.environ if name.startswith("LC_")),
]:
    os.environ.pop(_name, None)
# The servers of the tests are on this machine, which a proxy would not find.
os.environ["no_proxy"] = ",".join(filter(None, [os.environ.get("no_proxy"), "localhost", "127.0.0.1"]))
# What a script starts in the background has inherited "ignore", and so would what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
os.umask(0o022)
# Many tests train the same small model: XLA compiles its step once, for all processes of a run of tests.
if "TF_GPT2_TESTS_COMPILED" not in os.environ:
    os.environ["TF_GPT2_TESTS_COMPILED"] = tempfile.mkdtemp(prefix="tf_gpt2-tests-")
    atexit.register(shutil.rmtree, os.environ["TF_GPT2_TESTS_COMPILED"], ignore_errors=True)
if tuple(map(int, importlib.metadata.version("tensorflow").split(".")[:2])) > (2, 19):
    # 2.19 waits for ever at what another process has put there.
    os.environ["TF_XLA_FLAGS"] = f"--tf_xla_persistent_cache_directory={os.environ['TF_GPT2_TESTS_COMPILED']}"
# And what it compiles is small and runs a few times: LLVM's passes would take longer than all they save.
os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"

from tf_gpt2 import runtime  # noqa: E402

runtime.load_tensorflow()
# TensorFlow's and Keras's million objects stay; looking through them took a tenth of what tracing takes.
gc.collect()
gc.freeze()


# The files that take longest begin first, so that no process is left with one of them at the end.
LONGEST = (
    *("fuzz/test_fuzz.py", "test_train.py", "web/test_trouble.py", "training/test_loop.py", "test_signals.py"),
    *(
        "installation/test_wheel.py",
        "distributed/test_several_processes.py",
    ),
    *("distributed/test_several_devices.py", "web/test_writing.py", "export/test_savedmodel_files.py"),
    *("web/test_inside_trouble.py", "web/test_webgpu.py", "web/test_reach.py", "web/test_sharing.py"),
)


def _turn(item):
    path = item.path.as_posix()
    return next((turn for turn, name in enumerate(LONGEST) if path.endswith(f"/{name}")), len(LONGEST))


def pytest_collection_modifyitems(config, items):
    """Begins with the longest files; passes over what needs another environment, unless it is asked for with -m."""
    items.sort(key=_turn)
    for mark, package in (("tfjs", "tensorflowjs"), ("beam", "apache_beam")):
        if config.option.markexpr == mark or importlib.util.find_spec(package):
            continue
        for item in items:
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=f"needs {package}, which has an environment of its own"))


@pytest.fixture(autouse=True, scope="session")
def _private_cache(tmp_path_factory):
    """Keeps the tests out of the user's cache, except for the fetched sample corpus."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_GPT2_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def eager():
    """The module's tests run TensorFlow operation by operation."""
    from eager import eagerly

    with eagerly():
        yield


@pytest.fixture(scope="module", params=["eager", pytest.param("compiled", marks=pytest.mark.slow)])
def eager_or_compiled(request):
    """The module's tests run so; make test-all has them both ways."""
    from eager import eagerly

    with eagerly() if request.param == "eager" else contextlib.nullcontext():
        yield request.param


def random_weights(config, seed=0, scale=0.3):
    """Weights by Hugging Face name, large enough that every term of the model shows in the logits."""
    from benchmarks import random_model

    return random_model.random_weights(config, seed, scale)


@pytest.fixture(scope="session")
def served_limits():
    """What a request to `served_model` may ask for."""
    from export.serving.limits import Limits

    return Limits(max_batch_size=4, max_prompt_bytes=200, max_new_tokens=120)


def write_served_model(folder, num_layers=2):
    """A model directory with a context of 24 characters, for a SavedModel; returns the folder."""
    from tf_gpt2.config import GPT2Config
    from tf_gpt2.model_directory import save_model_directory
    from tf_gpt2.tokenizer import Tokenizer

    tokenizer = Tokenizer.train_characters(["却说曹操引兵，a b\n天下大势"])
    config = GPT2Config(tokenizer.vocab_size, context_length=24, num_layers=num_layers, num_heads=2, hidden_dim=16)
    save_model_directory(folder, config, random_weights(config), tokenizer)
    return folder


@pytest.fixture(scope="session")
def served_run_dir(tmp_path_factory):
    return write_served_model(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def served_model(served_run_dir, served_limits, tmp_path_factory):
    """Version 1 of its SavedModel, in a folder called demo."""
    from export.serving.saved_model import write_savedmodel

    output = tmp_path_factory.mktemp("models") / "demo" / "1"
    write_savedmodel(served_run_dir, output, limits=served_limits)
    return output


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory):
    """A prepared corpus of some thousand characters."""
    from tf_gpt2.data.prepare import prepare_corpus

    folder = tmp_path_factory.mktemp("novel")
    words = ("却说曹操引兵", "玄德大喜", "孔明曰", "云长提刀", "翼德大叫", "诸将皆惊")
    picks = np.random.default_rng(0).integers(0, len(words), 400)
    (folder / "novel.txt").write_text("，".join(words[pick] for pick in picks), encoding="utf-8")
    return prepare_corpus([folder / "novel.txt"], cache_dir=folder / "cache")

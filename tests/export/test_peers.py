"""transformers 4 and 5, and what stands on them, write our text with our model directories.

Each environment is made once in the checkout, from pinned versions; PyTorch alone takes some 800 MB.
"""

import json
import os
import pathlib
import re
import subprocess
import venv

import checkpoints
import pytest
from commands import ROOT
from conftest import random_weights

from export.formats.hugging_face import write_huggingface
from tf_gpt2 import generation
from tf_gpt2.config import GPT2Config
from tf_gpt2.model_directory import save_model_directory
from tf_gpt2.tokenizer import Tokenizer

PEERS = pathlib.Path(__file__).parent.parent / "peers"
TOKENS = 20
CONTEXT = 64
TEXTS = {
    "characters": ["却说曹操引兵，a b\n天下大势，分久必合"],
    "bpe": ["It was the best of times, it was the worst of times.\n" * 30],
}
PROMPTS = {
    "characters": ["却说曹操", "天下大势，分久必合，a"],
    "bpe": ["It was", "It was the worst of times, it was the"],
    "gpt2_chinese": ["好人", "话说天下大势，it was"],
}
PROGRAMS = [(4, "generate"), (4, "batch"), (4, "pipeline"), (4, "ctranslate2"), (4, "onnx")]
PROGRAMS += [(5, "generate"), (5, "batch"), (5, "pipeline")]
pytestmark = pytest.mark.slow


def _python(version):
    """The interpreter of the environment with this version of transformers, made when it is missing."""
    folder, requirements = ROOT / f".venv-transformers-{version}", PEERS / f"transformers-{version}.txt"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists() or done.read_text() != requirements.read_text():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", requirements], check=True)
        done.write_text(requirements.read_text())
    return python


def _run(version, *arguments, **options):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [_python(version), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=600, env=environment, **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def _save(folder, kind):
    """A model of random weights that writes nothing but whole characters."""
    tokenizer = (
        Tokenizer.train_characters(TEXTS[kind]) if kind == "characters" else Tokenizer.train_bpe(TEXTS[kind], 300)
    )
    config = GPT2Config(tokenizer.vocab_size, context_length=CONTEXT, num_layers=2, num_heads=2, hidden_dim=32)
    weights = random_weights(config)
    for token in range(config.vocabulary_size):
        if token == tokenizer.end_of_text_id or not _is_text(tokenizer.token_bytes(token)):
            weights["wte.weight"][token] = 0
        if kind == "characters" and token <= 256:  # bytes
            weights["wte.weight"][token] = 0
    save_model_directory(folder, config, weights, tokenizer)


def _is_text(data):
    try:
        return data.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Model directories as training writes them, and one as export.huggingface does."""
    made = {name: tmp_path_factory.mktemp("models") / name for name in PROMPTS}
    for kind in TEXTS:
        _save(made[kind], kind)
    write_huggingface(checkpoints.FOLDER / "gpt2_chinese", made["gpt2_chinese"])
    return made


@pytest.fixture(scope="module")
def expected(folders):
    """Our texts."""
    texts = {}
    for name, folder in folders.items():
        writer = generation.load(folder)
        texts[name] = [writer.generate(prompt, temperature=0.0, max_new_tokens=TOKENS) for prompt in PROMPTS[name]]
    return texts


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize(("version", "program"), PROGRAMS)
def test_the_text_is_ours(version, program, name, folders, expected):
    done = _run(version, PEERS / "continue_texts.py", program, folders[name], TOKENS, *PROMPTS[name])
    texts = json.loads(done.stdout.splitlines()[-1])
    assert texts == expected[name]


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("name", PROMPTS)
def test_the_cards_own_lines_run(version, name, folders, tmp_path):
    write_huggingface(folders[name], tmp_path / "published")
    card = (tmp_path / "published" / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    (tmp_path / "use.py").write_text(code, "utf-8")
    assert _run(version, tmp_path / "use.py", cwd=tmp_path / "published").stdout.strip()

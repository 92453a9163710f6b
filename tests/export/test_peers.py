"""transformers 4 and 5, and what stands on them, write our text with our model directories.

Each environment is made once in the checkout, from pinned versions; PyTorch alone takes some 800 MB.
"""

import functools
import json
import os
import pathlib
import subprocess
import venv

import checkpoints
import pytest
from commands import ROOT
from conftest import random_weights

from export.formats.hugging_face import write_huggingface
from export.model_card import card
from tf_gpt2 import generation
from tf_gpt2.config import GPT2Config
from tf_gpt2.model_directory import load_config, save_model_directory
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
PROGRAMS = {
    4: ("generate", "batch", "pipeline", "ctranslate2", "onnx", "card"),
    5: ("generate", "batch", "pipeline", "card"),
}
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
    """Model directories as training writes them, with a card each, and one of another program's checkpoint."""
    made = {name: tmp_path_factory.mktemp("models") / name for name in PROMPTS}
    for kind in TEXTS:
        _save(made[kind], kind)
        config, tokenizer = load_config(made[kind]), Tokenizer.load(made[kind])
        (made[kind] / "README.md").write_text(card(made[kind], config, tokenizer, "float32"), "utf-8")
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


@pytest.fixture(scope="module")
def answers(folders):
    """What the programs write, by version of transformers; one process for each, whose imports take long."""

    @functools.cache
    def ask(version):
        prompts = {str(folders[name]): PROMPTS[name] for name in PROMPTS}
        asked = {"programs": PROGRAMS[version], "tokens": TOKENS, "prompts": prompts}
        done = subprocess.run(
            [_python(version), PEERS / "continue_texts.py"],
            input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=1800,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return ask


@pytest.mark.parametrize("name", PROMPTS)
@pytest.mark.parametrize(
    ("version", "program"), [(version, name) for version in PROGRAMS for name in PROGRAMS[version][:-1]]
)
def test_the_text_is_ours(version, program, name, folders, expected, answers):
    assert answers(version)[program][str(folders[name])] == expected[name]


@pytest.mark.parametrize("version", PROGRAMS)
@pytest.mark.parametrize("name", PROMPTS)
def test_the_cards_own_lines_run(version, name, folders, answers):
    (printed,) = answers(version)["card"][str(folders[name])]
    assert isinstance(printed, str) and printed.strip()

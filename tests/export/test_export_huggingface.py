"""What is needed to publish a model, with the run's own figures."""

import dataclasses
import json
import re
import unicodedata

import checkpoints
import numpy as np
import pytest
from commands import call, error_line

from export.formats.hugging_face import write_huggingface
from export.model_card import card
from tf_gpt2.errors import UserError
from tf_gpt2.model_directory import load_config, load_model, load_weights, save_model_directory
from tf_gpt2.tokenizer import Tokenizer

TRAINING = {
    "training": {"steps": 1200, "batch_size": 16, "optimizer": "muon", "learning_rate": 0.02, "seed": 3},
    "corpus": {"books": ["三国|演义\n"], "train_tokens": 565000, "validation_tokens": 29000},
    "init_from": {"folder": "models/124M"},
}
METRICS = [
    {"step": 400, "split": "validation", "loss": 4.9},
    {"step": 800, "split": "validation", "loss": 4.5551},
    {"step": 1200, "split": "validation", "loss": 4.7},
    {"step": 1200, "split": "train", "loss": 1.0},
]


@pytest.fixture
def run_dir(tmp_path):
    folder = checkpoints.copy("hugging_face", tmp_path)
    (folder / "training.json").write_text(json.dumps(TRAINING))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in METRICS) + '{"step": 12')
    return folder


def test_the_folder_has_what_the_hub_shows_and_nothing_of_training(run_dir, tmp_path):
    written = write_huggingface(run_dir, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    ]  # fmt: skip
    assert written["bytes"] == (tmp_path / "out" / "model.safetensors").stat().st_size
    model, _ = load_model(tmp_path / "out")
    checkpoints.check_logits("hugging_face", lambda ids: np.array(model(ids[None].astype(np.int32)))[0])


def test_the_card_has_the_runs_own_figures(run_dir):
    text = card(run_dir, load_config(run_dir), Tokenizer.load(run_dir), "float32")
    assert text.startswith("---\nlibrary_name: transformers\npipeline_tag: text-generation\n")
    for figure in (
        "12,160",
        "1,200",
        "565,000",
        "**4.5551 nats per token**",
        "step 800",
        "三国&#124;演义 |",
        "| 124M |",
    ):
        assert figure in text, figure
    assert "4.9" not in text and "models/" not in text


def test_a_model_without_a_run_has_a_card_without_figures():
    folder = checkpoints.FOLDER / "gpt2_chinese"
    text = card(folder, load_config(folder), Tokenizer.load(folder), "float32")
    assert "nats" not in text and "Training" not in text and "None" not in text
    assert "begins and ends with [CLS]" in text


HOSTILE = [
    '"); __import__("os").system("x"); ("',
    "<img src=x onerror=alert(1)>",
    "[a](https://example.com) ![b](x) www.example.com https://example.com a@example.com",
    "`a` **b** _c_ | d\n# e\r\n---\nlicense: mit",
    "\u202eevil\x1b[31m\x00\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_is_text_in_the_card(run_dir, text):
    end = text.replace("\ud800", "")
    training = {**TRAINING, "corpus": {"books": [end]}, "init_from": {"folder": f"models/{end}"}}
    (run_dir / "training.json").write_text(json.dumps(training))
    folder = run_dir.rename(run_dir.with_name(re.sub(r"[/\0\ud800]", "", text)))
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    vocabulary = {end if token == "<|endoftext|>" else token: place for token, place in vocabulary.items()}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": end}))
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.end_of_text_id == 0
    shown = card(folder, load_config(folder), tokenizer, "float32")
    plain = card(run_dir.parent / "plain", load_config(folder), tokenizer, "float32")
    front, (code,) = shown.split("\n---\n")[0], re.findall(r"```python\n(.*?)```", shown, re.DOTALL)
    assert front == plain.split("\n---\n")[0]
    assert f"```python\n{code}```" in plain  # nothing of it in the code
    outside = shown.replace(code, "").replace("```", "").replace("**4.5551 nats per token**", "")
    assert not re.search(r"<|://|www\.|\w@\w|(?<!\\)[`*\[\]]", outside)
    assert not [c for c in outside if unicodedata.category(c)[0] == "C" and c != "\n"]
    assert sum(line.startswith("#") for line in outside.splitlines()) == 5


def test_the_cards_code_fits_the_context(run_dir):
    config = dataclasses.replace(load_config(run_dir), context_length=24)
    assert "max_new_tokens=23," in card(run_dir, config, Tokenizer.load(run_dir), "float32")


def test_float16_is_half_the_size_and_near(run_dir, tmp_path):
    write_huggingface(run_dir, tmp_path / "half", dtype="float16")
    config = load_config(tmp_path / "half")
    assert json.loads((tmp_path / "half/config.json").read_text())["torch_dtype"] == "float16"
    whole, half = load_weights(run_dir, config), load_weights(tmp_path / "half", config)
    for name, array in whole.items():
        np.testing.assert_array_equal(half[name], array.astype(np.float16).astype(np.float32))
    size = (tmp_path / "half/model.safetensors").stat().st_size
    assert size < 0.6 * (run_dir / "model.safetensors").stat().st_size


@pytest.mark.parametrize("value", [1e6, np.nan])
def test_weights_beyond_float16_are_refused(run_dir, tmp_path, value):
    config = load_config(run_dir)
    weights = {**load_weights(run_dir, config), "ln_f.bias": np.full(16, value, np.float32)}
    save_model_directory(tmp_path / "run", config, weights, Tokenizer.load(run_dir))
    with pytest.raises(UserError, match=r"`dtype` float16.*ln_f\.bias"):
        write_huggingface(tmp_path / "run", tmp_path / "out", dtype="float16")
    assert not (tmp_path / "out").exists()


def test_the_command(run_dir, tmp_path):
    code, output, errors = call("export.huggingface", f"--run_dir={run_dir}", f"--output={tmp_path / 'out'}")
    assert (code, errors) == (0, f"{run_dir / 'metrics.jsonl'}: 1 damaged line left out\n")
    assert json.loads(output)["parameters"] == 12160
    assert "--output must be a new" in error_line(
        "export.huggingface", f"--run_dir={run_dir}", f"--output={tmp_path / 'out'}"
    )
    assert "--output must name" in error_line("export.huggingface", f"--run_dir={run_dir}")


@pytest.mark.parametrize("name", ["hugging_face", "gpt2_chinese"])
def test_transformers_opens_it_live(tmp_path, name):
    transformers = pytest.importorskip("transformers", reason="needs transformers and torch")
    torch = pytest.importorskip("torch", reason="needs torch")
    write_huggingface(checkpoints.FOLDER / name, tmp_path / "out")
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    with torch.no_grad():
        checkpoints.check_logits(name, lambda ids: model(torch.tensor(ids)[None]).logits[0].numpy())
    text = "it was\n话说 the best"
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert (
        theirs(text, add_special_tokens=False).input_ids == Tokenizer.load(tmp_path / "out").encode(text).tolist()
    )

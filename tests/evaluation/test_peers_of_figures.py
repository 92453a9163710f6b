"""The loss is that of Hugging Face's logits; lm-evaluation-harness, sacrebleu and rouge-score give our figures.

The environment is made once in the checkout, from pinned versions; PyTorch alone takes some 800 MB.
"""

import json
import os
import subprocess

import numpy as np
import pytest
from conftest import random_weights
from peer_environments import PEERS, python_of

import tf_gpt2
from tf_gpt2.config import GPT2Config
from tf_gpt2.evaluation.corpus_loss import evaluate
from tf_gpt2.evaluation.text_scores import bleu, rouge
from tf_gpt2.generation.scoring import plan_windows
from tf_gpt2.model_directory import save_model_directory
from tf_gpt2.tokenizer import Tokenizer

pytestmark = pytest.mark.slow
TEXT = "It was the best of times, it was the worst of times: 却说曹操引兵。 " * 6
CONTEXT = 32


@pytest.fixture(scope="module", params=["characters", "bpe"])
def folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    by_character = request.param == "characters"
    tokenizer = Tokenizer.train_characters([TEXT]) if by_character else Tokenizer.train_bpe([TEXT * 20], 300)
    config = GPT2Config(tokenizer.vocab_size, context_length=CONTEXT, num_layers=2, num_heads=4, hidden_dim=32)
    save_model_directory(folder, config, random_weights(config), tokenizer)
    return folder


def ask(what, **given):
    """What tests/peers/harness.py says."""
    done = subprocess.run(
        [python_of("lm-eval"), PEERS / "harness.py"],
        input=json.dumps({"what": what, **given}),
        capture_output=True, text=True, check=False, timeout=900,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("stride", [11, CONTEXT])
def test_the_loss_is_that_of_hugging_faces_logits_on_the_same_windows(folder, stride):
    model = tf_gpt2.load(folder)
    ids = model.tokenizer.encode(TEXT)
    plan = plan_windows(len(ids), CONTEXT, stride)
    sequence = [model.tokenizer.end_of_text_id, *ids.tolist()]
    theirs = ask("windows", folder=str(folder), ids=sequence, plan=[list(window) for window in plan])["nats"]
    figures = evaluate(model, [TEXT], stride)
    assert len(theirs) == figures["tokens"]
    assert figures["nats_per_token"] == pytest.approx(np.mean(theirs), rel=1e-6)


def test_lm_evaluation_harness_gives_our_figures(folder):
    model = tf_gpt2.load(folder)
    choices = [" best", " worst", " times"]
    found = ask("harness", folder=str(folder), text=TEXT, choices=choices, context="It was the")
    # Its windows lie end to end: a stride of the whole context.
    figures = evaluate(model, [TEXT], CONTEXT)
    assert -found["rolling"] == pytest.approx(figures["nats_per_token"] * figures["tokens"], rel=1e-5)
    context, keras_model = model.tokenizer.encode("It was the"), model.keras_model()
    for choice, theirs in zip(choices, found["choices"], strict=True):
        ids = model.tokenizer.encode(f"It was the{choice}")
        # It has no end of text before a prompt, so its first token follows nothing: ours is computed so too.
        logits = np.asarray(keras_model(ids[None]))[0].astype(np.float64)
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        ours = sum(logs[place - 1, ids[place]] for place in range(len(context), len(ids)))
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_bleu_and_rouge_are_those_of_sacrebleu_and_rouge_score():
    texts = ["The cat's on the mat, isn't it?", "He paid $1,000.50 (e.g. in 3-4 days).", "no match here", "A & B"]
    references = ["The cat is on a mat, isn't it?", "He paid $1,000.50 in 3-4 days, e.g.", "other words", "A & B!"]
    found = ask("scores", texts=texts, references=references)
    assert bleu(texts, references) == pytest.approx(found["bleu"], rel=1e-9)
    for text, reference, theirs in zip(texts, references, found["rouge"], strict=True):
        assert list(rouge(text, reference).values()) == pytest.approx(list(theirs.values()), abs=1e-12)
    few = ask("scores", texts=["a x b y"], references=["a b c d"])
    assert bleu(["a x b y"], ["a b c d"]) == pytest.approx(few["bleu"], rel=1e-9)

"""The paper's tasks: format, detokeniser, convention and score, on files made in the published forms."""

import json
import math

import numpy as np
import pytest
from commands import error_line, run
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.corpus_loss import evaluate
from tf_gpt2.evaluation.tasks import detokenise, published_tokens, read_lambada, run_task
from tf_gpt2.generation import TextGenerator
from tf_gpt2.tokenizer import Tokenizer

WIKI = (
    " \n = Robert Boulter = \n \n Robert Boulter is an English film , television and theatre actor . He had a"
    ' guest @-@ starring role in 1 @,@ 000 plays ( in 2000 ) . \n = = Career = = \n He didn \'t say " no " .\n'
)


@pytest.fixture(scope="module")
def model():
    tokenizer = Tokenizer.train_characters(["the cat sat on mat.\n"])
    config = GPT2Config(tokenizer.vocab_size, context_length=32, num_layers=1, num_heads=2, hidden_dim=8)
    return TextGenerator(config, random_weights(config), tokenizer, jit_compile=False)


def test_wikitext_reads_as_the_article_did():
    assert detokenise(WIKI) == (
        "\n= Robert Boulter =\n\nRobert Boulter is an English film, television and theatre actor. He had a"
        ' guest-starring role in 1,000 plays (in 2000).\n== Career ==\nHe didn\'t say "no".\n'
    )


def test_wikitext_counts_the_published_tokens(model, tmp_path):
    assert published_tokens(" the cat , \n sat . \n") == 7
    (tmp_path / "wiki.test.tokens").write_text(" the cat . \n sat on . \n", "utf-8")
    figures = run_task(model, "wikitext2", tmp_path / "wiki.test.tokens", 16)
    nats = -model.score("the cat.\nsat on.\n").log_probabilities.astype(np.float64).sum()
    assert figures["published_tokens"] == 8
    assert figures["perplexity"] == pytest.approx(math.exp(nats / 8), rel=1e-5)


def test_lambada_predicts_the_last_word(model, tmp_path):
    texts = ["the cat sat on the mat", "the mat sat on the cat"]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts), "utf-8")
    assert read_lambada(tmp_path / "test.jsonl")[0] == ("the cat sat on the", " mat")
    figures = run_task(model, "lambada", tmp_path / "test.jsonl", 16)
    scores = [model.score(text, alternatives=1) for text in texts]  # one character a token: the word is four
    nats = np.mean([-score.log_probabilities[-4:].astype(np.float64).sum() for score in scores])
    right = [score.alternative_ids[-4:, 0] == score.ids[-4:] for score in scores]
    assert figures["perplexity"] == pytest.approx(math.exp(nats), rel=1e-5)
    assert figures["accuracy"] == np.mean([hits.all() for hits in right])
    assert figures["accuracy_last_token"] == np.mean([hits[-1] for hits in right])


def test_enwik8_is_in_bits_a_byte_of_the_file_as_it_is(model, tmp_path):
    text = "<page>\n  the cat\n</page>\n"
    (tmp_path / "enwik8").write_text(text, "utf-8")
    figures = run_task(model, "enwik8", tmp_path / "enwik8", 16)
    assert figures["bytes"] == len(text)
    assert figures["bits_per_byte"] == evaluate(model, [text], 16)["bits_per_byte"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b'{"text": "two words"}\n{"txt": "x y"}\n', "line 2: must be a JSON object"),
        (b'{"text": "one"}', "line 1: must be a JSON object"),
        (b"no json", "line 1: must be a JSON object"),
        (b"\n", "must hold a passage a line"),
        (b"\xff\xfe", "must be in UTF-8"),
    ],
)
def test_what_is_not_of_the_form_is_named_with_its_line(tmp_path, content, rule):
    (tmp_path / "test.jsonl").write_bytes(content)
    with pytest.raises(UserError, match=rule):
        read_lambada(tmp_path / "test.jsonl")


def test_the_command_runs_a_task(served_run_dir, tmp_path):
    (tmp_path / "test.jsonl").write_text('{"text": "a b a b"}\n', "utf-8")
    common = ("tf_gpt2.evaluate", f"--run_dir={served_run_dir}", f"--corpus={tmp_path / 'test.jsonl'}")
    code, output, errors = run(*common, "--task=lambada")
    assert code == 0, errors
    figures = json.loads(output.splitlines()[-1])
    assert figures["task"] == "lambada" and figures["passages"] == 1
    assert "--overlap has no effect with --task" in error_line(*common, "--task=lambada", "--overlap")

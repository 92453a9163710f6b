"""The paper's tasks: format, detokeniser, convention and score, on files made in the published forms."""

import json
import math
import types

import numpy as np
import pytest
from commands import call, error_line
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.cloze import choice_scores
from tf_gpt2.evaluation.corpus_loss import evaluate
from tf_gpt2.evaluation.detokenising import detokenise, detokenise_treebank, published_tokens
from tf_gpt2.evaluation.generation_tasks import first_sentences
from tf_gpt2.evaluation.task_facts import CONVENTIONS, PAPER, TASKS
from tf_gpt2.evaluation.task_files import read_cbt, read_lambada
from tf_gpt2.evaluation.tasks import run_task
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


def test_the_childrens_book_test_reads_as_the_book_did():
    assert detokenise_treebank("`` Do n't ! '' said he -LRB- softly -RRB- .") == '"Don\'t!" said he (softly).'


def _cbt(tmp_path, question, choices):
    story = "".join(f"{number} the cat sat .\n" for number in range(1, 21))
    (tmp_path / "cbt.txt").write_text(f"{story}21 {question}\t{choices[0]}\t\t{'|'.join(choices)}\n", "utf-8")
    return tmp_path / "cbt.txt"


@pytest.mark.parametrize("question", ["the XXXXX sat on .", "XXXXX sat .", "the cat sat on the XXXXX"])
def test_a_cloze_takes_the_choice_that_makes_the_sentence_likeliest(tmp_path, question):
    """One character a token, so probabilities of texts need no care at borders; long contexts cost a full pass."""
    tokenizer = Tokenizer.train_characters(["the cat sat on mat.\n"])
    config = GPT2Config(tokenizer.vocab_size, context_length=512, num_layers=1, num_heads=2, hidden_dim=8)
    model = TextGenerator(config, random_weights(config), tokenizer, jit_compile=False)
    choices = ["cat", "mat", "hat", "cats", "the", "a", "on", "ten", "nest", "tom"]
    path = _cbt(tmp_path, question, choices)
    context = " ".join(["the cat sat."] * 20)
    texts = [f"{context} {question.replace('XXXXX', choice).replace(' .', '.')}" for choice in choices]
    whole = [float(model.score(text).log_probabilities.astype(np.float64).sum()) for text in texts]
    (cloze,) = read_cbt(path)
    scores = choice_scores(model, cloze)
    np.testing.assert_allclose(np.diff(scores), np.diff(whole), atol=1e-3)
    figures = run_task(model, "cbt-cn", path, 16)
    assert figures["questions"] == 1 and figures["accuracy"] == float(np.argmax(whole) == 0)


class Scripted:
    """A model that writes what a test says, and remembers what it was asked."""

    class config:  # noqa: N801
        context_length = 160

    tokenizer = Tokenizer.train_characters(["the cat sat on mat.\n"])

    def __init__(self, *texts):
        self.texts, self.prompts, self.settings = list(texts), [], None

    def write(self, prompts, settings):
        self.prompts, self.settings = list(prompts), settings
        return [types.SimpleNamespace(text=text) for text in self.texts[: len(self.prompts)]]


def test_conversations_are_asked_turn_by_turn(tmp_path):
    content = {
        "data": [
            {
                "story": "A white cat.",
                "questions": [{"input_text": "What?"}, {"input_text": "Which colour?"}],
                "answers": [{"input_text": "a cat"}, {"input_text": "white"}],
                "additional_answers": {"0": [{"input_text": "cat"}, {"input_text": "it is white"}]},
            }
        ]
    }
    (tmp_path / "coqa.json").write_text(json.dumps(content), "utf-8")
    model = Scripted(" The cat.", " black")
    figures = run_task(model, "coqa", tmp_path / "coqa.json", 16)
    first = "A white cat.\n\nQ: What?\nA:"
    assert model.prompts == [first, f"{first} a cat\nQ: Which colour?\nA:"]
    assert model.settings.greedy and model.settings.stop == ("\n",)
    assert (figures["questions"], figures["f1"]) == (2, 0.5)


def test_translations_follow_five_examples(tmp_path):
    english, french = tmp_path / "t.en", tmp_path / "t.fr"
    english.write_text("".join(f"cat {n}\n" for n in range(6)), "utf-8")
    french.write_text("".join(f"le petit chat numéro {n}\n" for n in range(6)), "utf-8")
    model = Scripted(" le petit chat numéro 5")
    figures = run_task(model, "translation-en-fr", [english, french], 16)
    shown = "".join(f"cat {n} = le petit chat numéro {n}\n" for n in range(5))
    assert model.prompts == [f"{shown}cat 5 ="]
    assert figures["sentences"] == 1 and figures["bleu"] == pytest.approx(100)
    english.write_text("cat\n", "utf-8"), french.write_text("chat\n", "utf-8")
    with pytest.raises(UserError, match="must hold more than 5 items"):
        run_task(model, "translation-en-fr", [english, french], 16)
    with pytest.raises(UserError, match=r"must name 2 file\(s\)"):
        run_task(model, "translation-fr-en", english, 16)


def test_questions_follow_five_examples(tmp_path):
    lines = [{"question": f"q{n}", "answer": [f"a{n}", "b"]} for n in range(7)]
    (tmp_path / "nq.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    model = Scripted(" The B.", " a5")
    figures = run_task(model, "questions", tmp_path / "nq.jsonl", 16)
    shown = "".join(f"Q: q{n}\nA: a{n}\n" for n in range(5))
    assert model.prompts == [f"{shown}Q: q5\nA:", f"{shown}Q: q6\nA:"]
    assert (figures["questions"], figures["exact_match"]) == (2, 0.5)


def test_summaries_are_the_first_three_sentences_after_the_hint(tmp_path):
    long = "the cat sat. " * 20
    lines = [{"article": "the cat sat.", "highlights": "A cat sat"}, {"article": long, "highlights": "x"}]
    (tmp_path / "cnn.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    model = Scripted(" A cat. Sat! On a mat? And then", "")
    figures = run_task(model, "summarisation", tmp_path / "cnn.jsonl", 16)
    assert model.prompts[0] == "the cat sat.\nTL;DR:"
    # 160 places, 100 for the summary, 7 for the hint
    assert model.prompts[1] == f"{long[:53]}\nTL;DR:"
    assert (model.settings.top_k, model.settings.max_new_tokens) == (2, 100)
    # "A cat. Sat! On a mat?" has 3 of its 6 words in common with "A cat sat", and the other article's has none.
    assert figures["rouge_1"] == pytest.approx(100 * (2 * 3 / 9) / 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four.", "One. Two! Three?"),
        ("3.14 is pi. “No.” He left\nnow", "3.14 is pi. “No.” He left"),
        ("一。二！三？四。", "一。 二！ 三？"),
        ("no end", "no end"),
        ("", ""),
    ],
)
def test_the_first_three_sentences(text, expected):
    assert first_sentences(text, 3) == expected


def test_every_task_says_its_conventions_and_the_papers_figures(model, tmp_path):
    assert set(CONVENTIONS) == set(PAPER) == set(TASKS)
    (tmp_path / "enwik8").write_text("the cat", "utf-8")
    figures = run_task(model, "enwik8", tmp_path / "enwik8", 16)
    assert figures["paper"]["bits_per_byte"]["117M"] == 1.16 and figures["conventions"] == CONVENTIONS["enwik8"]
    with pytest.raises(UserError, match="`task` must be one of"):
        run_task(model, "squad", tmp_path / "enwik8", 16)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b'{"text": "two words"}\n{"txt": "x y"}\n', "line 2: must be a JSON object"),
        (b'{"text": "one"}', "line 1: must be a JSON object"),
        (b"no json", "line 1: must be a JSON object"),
        (b"\n", "must hold lines of a JSON object"),
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
    code, output, errors = call(*common, "--task=lambada")
    assert code == 0, errors
    figures = json.loads(output.splitlines()[-1])
    assert figures["task"] == "lambada" and figures["passages"] == 1
    assert "--overlap has no effect with --task" in error_line(*common, "--task=lambada", "--overlap")

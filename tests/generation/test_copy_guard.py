"""Whatever is asked for, no run of so many characters of the corpus is written."""

import dataclasses
import random

import numpy as np
import pytest
from conftest import random_weights

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.text_index import TextIndex, build_index
from tf_gpt2.generation import TextGenerator
from tf_gpt2.generation.copy_guard import CopyGuard
from tf_gpt2.tokenizer import Tokenizer

LETTERS = "却说曹操引兵天下é"
LEAST = 5


def _texts(count=3, length=4_000):
    rng = random.Random(7)
    return ["".join(rng.choices(LETTERS, k=length)) for _ in range(count)]


@pytest.fixture(scope="module")
def texts():
    return _texts()


@pytest.fixture(scope="module")
def index(texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    build_index(folder, texts)
    return TextIndex.open(folder)


def _generator(tokenizer, index, text):
    """A model that prefers, by far, the tokens that occur in `text`."""
    config = GPT2Config(tokenizer.vocab_size, context_length=24, num_layers=1, num_heads=2, hidden_dim=16)
    weights = {name: np.array(value) for name, value in random_weights(config).items()}
    liked = np.isin(np.arange(tokenizer.vocab_size), tokenizer.encode(text))
    weights["wte.weight"][:, 0] = np.where(liked, 2.0, -2.0)
    weights["ln_f.weight"][0], weights["ln_f.bias"][0] = 0.0, 3.0
    model = TextGenerator(config, weights, tokenizer, jit_compile=False)
    model.copies = index
    return model


@pytest.fixture(scope="module", params=["characters", "bpe", "rare"])
def model(request, texts, index):
    if request.param == "bpe":
        tokenizer = Tokenizer.train_bpe([text[:5000] for text in texts], 600)
    else:  # rare: two of the characters are spelled in bytes
        tokenizer = Tokenizer.train_characters([LETTERS[:-2] if request.param == "rare" else LETTERS])
    return _generator(tokenizer, index, texts[0])


def _copies(texts, prompt, text, least):
    """Runs of the corpus that end in what was written, found by looking at each."""
    whole = prompt + text
    ends = range(max(least, len(prompt) + 1), len(whole) + 1)
    return [whole[end - least : end] for end in ends if any(whole[end - least : end] in t for t in texts)]


# Every tokenizer with one kind of draw, and one tokenizer with every kind; the rest is in make test-all.
DRAWS = [("characters", 0), ("characters", 1), ("characters", 2), ("bpe", 0), ("rare", 2)]
OTHER_DRAWS = [("bpe", 1), ("bpe", 2), ("rare", 0), ("rare", 1)]


@pytest.mark.parametrize(
    ("model", "seed"),
    [*DRAWS, *(pytest.param(*draw, marks=pytest.mark.slow) for draw in OTHER_DRAWS)],
    indirect=["model"],
)
def test_no_run_of_the_corpus_is_written(model, texts, seed):
    prompts = ["", texts[0][100:104], texts[1][50:70], "曹操é"]
    controls = [{"top_k": 0}, {"temperature": 0.0}, {"top_k": 5, "repetition_penalty": 1.3}][seed % 3]
    settings = model.settings(
        seed=seed, max_new_tokens=60, num_samples=2, avoid_copying=LEAST, stop_at_end_of_text=False, **controls
    )
    free = dataclasses.replace(settings, avoid_copying=0)
    assert any(_copies(texts, p.prompt, p.text, LEAST) for p in model.write(prompts, free))
    written = list(model.write(prompts, settings))
    assert len(written) == 8
    for passage in written:
        assert _copies(texts, passage.prompt, passage.text, LEAST) == []
        assert passage.num_tokens == 60


@pytest.mark.parametrize(
    "model",
    ["rare", *(pytest.param(name, marks=pytest.mark.slow) for name in ("characters", "bpe"))],
    indirect=True,
)
def test_it_is_the_same_as_looking_before_every_draw(model, texts, monkeypatch):
    settings = model.settings(seed=3, max_new_tokens=50, num_samples=3, avoid_copying=LEAST, top_k=8)
    prompts = ["", texts[0][:9]]
    together = [passage.text for passage in model.write(prompts, settings)]
    monkeypatch.setattr("tf_gpt2.generation.session.CHUNK", 1)
    assert [passage.text for passage in model.write(prompts, settings)] == together
    streamed = "".join(item for item in model.stream_passage("", settings, 1) if isinstance(item, str))
    assert streamed == together[1]


def test_what_is_forbidden_is_all_that_would_copy(model, texts):
    guard = CopyGuard(model.copies, model.tokenizer, LEAST)
    rng = random.Random(1)
    some = 0
    for _ in range(15):
        text = "".join(rng.choices(LETTERS, k=3)) + texts[0][(at := rng.randrange(900)) : at + rng.randrange(9)]
        before = model.tokenizer.encode(text).tolist()
        before = before[: len(before) - rng.choice([0, 0, 1])]  # perhaps amid a character
        mask = guard.forbidden(before)
        before_text = model.tokenizer.decode(before).rstrip("\ufffd")
        for token in range(model.tokenizer.vocab_size):
            after = model.tokenizer.decode([*before, token])
            copies = token != model.tokenizer.end_of_text_id and _copies(
                texts, before_text, after[len(before_text) :], LEAST
            )
            assert mask[token] == bool(copies), (text, token)
        some += mask.any()
    assert some > 5


def test_where_every_token_would_copy_the_text_ends(model, monkeypatch):
    everything = np.ones(model.tokenizer.vocab_size, bool)
    monkeypatch.setattr(CopyGuard, "forbidden", lambda self, before: everything.copy())
    monkeypatch.setattr(
        CopyGuard, "first_copy", lambda self, before, new: 2 - len(before) if len(before) + len(new) > 2 else None
    )
    (passage,) = model.write([""], model.settings(seed=1, avoid_copying=LEAST))
    assert passage.num_tokens == 1
    monkeypatch.setattr(CopyGuard, "first_copy", lambda self, before, new: 0 if new else None)
    (passage,) = model.write([""], model.settings(seed=1, avoid_copying=LEAST))
    assert (passage.num_tokens, passage.text) == (0, "")


def test_bad_values_are_one_line(model):
    with pytest.raises(UserError, match="`avoid_copying` must be 0 or at least 5"):
        model.settings(avoid_copying=3)
    other = _generator(model.tokenizer, None, LETTERS)
    with pytest.raises(UserError, match="needs the training text"):
        other.generate("", avoid_copying=20)

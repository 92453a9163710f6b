"""Tokenising the spool in batches changes nothing."""

import numpy as np
import pytest

from tf_gpt2 import long_texts
from tf_gpt2.data import spool, token_stream
from tf_gpt2.data.holding_out import Cuts
from tf_gpt2.data.spool import bpe_sample
from tf_gpt2.data.text_table import Document
from tf_gpt2.data.token_writing import TokenWriting
from tf_gpt2.tokenizer import END_OF_TEXT, Tokenizer

TEXTS = ["话说天下大势。\n分久必合，合久必分。", "It was\n\nthe best of times,\nit was"]


def write_tokens(folder, text, documents, tokenizer, dtype):
    """Tokens of each document in each split, and what the shards hold."""
    counts = np.zeros([len(documents), 3], np.int64)
    layouts = TokenWriting(folder, text, documents, tokenizer, dtype, counts).run()
    return counts.tolist(), layouts


@pytest.fixture
def spooled(tmp_path):
    (tmp_path / "spool.txt").write_text("".join(TEXTS), "utf-8")
    lengths = [len(text.encode()) for text in TEXTS]
    documents = [
        Document("one", Cuts(9, 15, len(TEXTS[0])), 0, lengths[0]),
        Document("two", Cuts(*[len(TEXTS[1])] * 3), lengths[0], lengths[1]),
    ]
    return tmp_path, documents


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_any_batch_size_gives_the_tokens_of_the_whole(spooled, batch, monkeypatch):
    folder, documents = spooled
    monkeypatch.setattr(long_texts, "_BATCH_CHARACTERS", batch)
    tokenizer = Tokenizer.train_bpe(TEXTS, 300)
    dtype = np.dtype("<u2")
    counts, layouts = write_tokens(folder, folder / "spool.txt", documents, tokenizer, dtype)
    end = tokenizer.end_of_text_id
    head, middle, tail = (tokenizer.encode(TEXTS[0][part]) for part in (slice(9), slice(9, 15), slice(15, None)))
    expected = {
        "train": [end, *head, end, *tokenizer.encode(TEXTS[1])],
        "validation": [head[-1], *middle],  # after a cut: what precedes it, not an end of text
        "test": [tokenizer.encode(TEXTS[0][:15])[-1], *tail],
    }
    for split, tokens in expected.items():
        assert np.fromfile(folder / f"{split}.bin", dtype).tolist() == tokens
        assert layouts[split].tokens == len(tokens)
    assert layouts["train"].unpredicted == [1 + len(head)]  # the first text is cut, the second one whole
    assert layouts["validation"].unpredicted == layouts["test"].unpredicted == [0]
    assert counts == [[1 + len(head), 1 + len(middle), 1 + len(tail)], [1 + len(tokenizer.encode(TEXTS[1])), 0, 0]]


def test_whole_texts_end_and_parts_do_not(tmp_path):
    texts = ["甲。", "乙丙丁。", "戊。"]
    (tmp_path / "spool.txt").write_text("".join(texts), "utf-8")
    sizes = [len(text.encode()) for text in texts]
    cuts = [Cuts(0, 2, 2), Cuts(2, 4, 4), Cuts(0, 2, 2)]
    documents = [Document("", cut, sum(sizes[:i]), sizes[i]) for i, cut in enumerate(cuts)]
    tokenizer = Tokenizer.train_characters(texts)
    _, layouts = write_tokens(tmp_path, tmp_path / "spool.txt", documents, tokenizer, np.dtype("<u2"))
    text = tokenizer.decode(np.fromfile(tmp_path / "validation.bin", "<u2"))
    # 丙 is there for what follows; no end is predicted after the part, both ends of whole texts are.
    assert text == f"{END_OF_TEXT}甲。{END_OF_TEXT}丙丁。{END_OF_TEXT}戊。{END_OF_TEXT}"
    predicted = set(range(layouts["validation"].tokens)) - set(layouts["validation"].unpredicted)
    marks = [
        i for i, c in enumerate(np.fromfile(tmp_path / "validation.bin", "<u2")) if c == tokenizer.end_of_text_id
    ]
    assert [i in predicted for i in marks] == [False, True, False, True]


def test_the_sample_for_bpe_is_spread_and_leaves_held_out_text_alone(spooled, monkeypatch):
    folder, documents = spooled
    assert "".join(bpe_sample(folder / "spool.txt", documents)) == TEXTS[0][:9] + TEXTS[1]
    monkeypatch.setattr(spool, "_BPE_CHARACTERS", 10)
    monkeypatch.setattr(spool, "_BPE_SLICE", 3)
    sample = "".join(bpe_sample(folder / "spool.txt", documents))
    assert sample.startswith(TEXTS[0][:3]) and TEXTS[1][:3] in sample
    assert len(sample) <= 15


@pytest.mark.parametrize("kind", ["characters", "rare characters", "bpe"])
def test_many_short_texts_together_give_the_tokens_of_each_alone(tmp_path, kind, monkeypatch):
    picks = np.random.default_rng(0)
    letters = list("天下ab\n🀄é")
    texts = ["x" + "".join(picks.choice(letters, picks.integers(0, 9))) for _ in range(300)]
    (tmp_path / "spool.txt").write_bytes("".join(texts).encode())
    sizes = [len(text.encode()) for text in texts]
    borders = {"train": lambda n: (n, n), "validation": lambda n: (0, n), "test": lambda n: (0, 0)}
    splits = picks.choice(list(borders), 300, p=[0.8, 0.1, 0.1])
    documents = [
        Document(str(i), Cuts(*borders[split](len(text)), len(text)), sum(sizes[:i]), sizes[i])
        for i, (text, split) in enumerate(zip(texts, splits, strict=True))
    ]
    tokenizer = {
        "characters": lambda: Tokenizer.train_characters(texts),
        "rare characters": lambda: Tokenizer.train_characters(["x天a"]),
        "bpe": lambda: Tokenizer.train_bpe(texts, 300),
    }[kind]()
    monkeypatch.setattr(token_stream, "_TOGETHER", 7)
    counts, _ = write_tokens(tmp_path, tmp_path / "spool.txt", documents, tokenizer, np.dtype("<u2"))
    end = tokenizer.end_of_text_id
    for split in borders:
        mine = [text for text, of in zip(texts, splits, strict=True) if of == split]
        expected = [token for text in mine for token in [end, *tokenizer.encode(text)]]
        written = np.fromfile(tmp_path / f"{split}.bin", "<u2").tolist()
        assert written == expected + ([end] if split != "train" else [])
    assert [sum(splits) for splits in counts] == [1 + len(tokenizer.encode(text)) for text in texts]

"""Tokenising the spool in batches changes nothing."""

import numpy as np
import pytest

from tf_gpt2 import long_texts
from tf_gpt2.data import spool
from tf_gpt2.data.spool import Document, bpe_sample, write_tokens
from tf_gpt2.tokenizer import Tokenizer

TEXTS = ["话说天下大势。\n分久必合，合久必分。", "It was\n\nthe best of times,\nit was"]


@pytest.fixture
def spooled(tmp_path):
    (tmp_path / "spool.txt").write_text("".join(TEXTS), "utf-8")
    lengths = [len(text.encode()) for text in TEXTS]
    documents = [
        Document("one", len(TEXTS[0]), 9, 0, lengths[0]),
        Document("two", len(TEXTS[1]), len(TEXTS[1]), lengths[0], lengths[1]),
    ]
    return tmp_path, documents


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_any_batch_size_gives_the_tokens_of_the_whole(spooled, batch, monkeypatch):
    folder, documents = spooled
    monkeypatch.setattr(long_texts, "_BATCH_CHARACTERS", batch)
    tokenizer = Tokenizer.train_bpe(TEXTS, 300)
    dtype = np.dtype("<u2")
    books = write_tokens(folder, folder / "spool.txt", documents, tokenizer, dtype)
    end = tokenizer.end_of_text_id
    expected = [end, *tokenizer.encode(TEXTS[0][:9]), end, *tokenizer.encode(TEXTS[1])]
    assert np.fromfile(folder / "train.bin", dtype).tolist() == expected
    held_out = [end, *tokenizer.encode(TEXTS[0][9:])]
    assert np.fromfile(folder / "validation.bin", dtype).tolist() == held_out
    assert [(book.title, book.validation_tokens) for book in books] == [
        ("one", len(held_out)),
        ("two", 0),
    ]


def test_the_sample_for_bpe_is_spread_and_leaves_held_out_text_alone(spooled, monkeypatch):
    folder, documents = spooled
    assert "".join(bpe_sample(folder / "spool.txt", documents)) == TEXTS[0][:9] + TEXTS[1]
    monkeypatch.setattr(spool, "_BPE_CHARACTERS", 10)
    monkeypatch.setattr(spool, "_BPE_SLICE", 3)
    sample = "".join(bpe_sample(folder / "spool.txt", documents))
    assert sample.startswith(TEXTS[0][:3]) and TEXTS[1][:3] in sample
    assert len(sample) <= 15

"""A character vocabulary as byte-level BPE: the same ids for every text of known characters."""

import checkpoints
import numpy as np
import pytest

from export.formats.byte_level import to_byte_level
from tf_gpt2.errors import UserError
from tf_gpt2.formats.tokenizer_files import byte_level_bpe
from tf_gpt2.tokenizer import Tokenizer

KNOWN = "却说曹操引兵，a b\n\n é😀🐉ж話a0 1"


@pytest.fixture(scope="module")
def characters():
    return Tokenizer.train_characters([KNOWN])


def _as_tokenizer(bpe):
    return Tokenizer(byte_level_bpe(bpe.vocabulary, bpe.merges))


def test_text_of_known_characters_keeps_its_ids(characters):
    bpe = to_byte_level(characters, characters.vocab_size)
    other = _as_tokenizer(bpe)
    generator = np.random.default_rng(0)
    for length in (0, 1, 2, 5, 50, 500):
        text = "".join(generator.choice(list(KNOWN), length))
        assert other.encode(text).tolist() == characters.encode(text).tolist(), text
        assert other.decode(characters.encode(text)) == text
    assert other.end_of_text_id == characters.end_of_text_id


def test_every_id_has_a_name_and_every_name_one_id(characters):
    bpe = to_byte_level(characters, characters.vocab_size + 3)
    size = characters.vocab_size + 3 + len(bpe.added_rows)
    assert sorted(bpe.vocabulary.values()) == list(range(size))
    assert bpe.added_rows.max() < characters.vocab_size


def test_unknown_characters_become_prefixes_and_bytes_and_come_back(characters):
    other = _as_tokenizer(to_byte_level(characters, characters.vocab_size))
    for text in ("嫙", "卵", "😁", "ü話", "卍a卐"):
        ids = other.encode(text)
        assert other.decode(ids) == text
        assert ids.max() < other.vocab_size


def test_a_prefix_takes_the_embedding_of_its_last_byte(characters):
    bpe = to_byte_level(characters, characters.vocab_size)
    other = _as_tokenizer(bpe)
    ids = other.encode("卵")  # E5 8D B5; the prefix E5 8D is also that of 却
    assert len(ids) == 2
    assert bpe.added_rows[ids[0] - characters.vocab_size] == 1 + 0x8D
    assert ids[1] == 1 + 0xB5


def test_byte_level_bpe_goes_over_as_it_is():
    tokenizer = Tokenizer.load(checkpoints.FOLDER / "openai")
    bpe = to_byte_level(tokenizer, 284)
    assert not len(bpe.added_rows)
    text = "it was the best 话说 <|endoftext|>"
    assert _as_tokenizer(bpe).encode(text).tolist() == tokenizer.encode(text).tolist()


def test_other_kinds_are_refused():
    with pytest.raises(UserError, match="WordPiece.*export huggingface"):
        to_byte_level(Tokenizer.load(checkpoints.FOLDER / "gpt2_chinese"), 126)

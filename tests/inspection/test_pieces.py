import pytest

from tf_gpt2.inspection.pieces import token_pieces, token_text
from tf_gpt2.tokenizer import Tokenizer

CHARACTERS = Tokenizer.train_characters(["却说曹操引兵"])
BPE = Tokenizer.train_bpe(["the wide world, the wide war " * 20], 280)


def _pieces(tokenizer, ids):
    tokens, characters = token_pieces(tokenizer, ids)
    return [(token.text, token.is_bytes, token.character) for token in tokens], characters


@pytest.mark.parametrize("tokenizer", [CHARACTERS, BPE], ids=["characters", "bpe"])
@pytest.mark.parametrize("text", ["却说😀曹é", "the war 却", "", "\x00", "ｈé\u0301 a"])
def test_the_pieces_are_the_text_and_the_tokens_are_all_there(tokenizer, text):
    ids = tokenizer.encode(text).tolist()
    tokens, characters = token_pieces(tokenizer, ids)
    assert "".join(characters) == text and [token.id for token in tokens] == ids
    assert sorted({token.character for token in tokens}) == list(range(len(characters)))


def test_bytes_of_a_character_belong_together():
    tokens, characters = _pieces(CHARACTERS, CHARACTERS.encode("却😀é"))
    assert characters == ["却", "😀", "é"]
    assert tokens == [
        ("却", False, 0),
        *((f"<0x{byte:02X}>", True, 1) for byte in "😀".encode()),
        *((f"<0x{byte:02X}>", True, 2) for byte in "é".encode()),
    ]


def test_a_character_that_is_one_token_is_no_bytes():
    assert _pieces(CHARACTERS, CHARACTERS.encode("a曹"))[0] == [("a", False, 0), ("曹", False, 1)]


def test_damage_shows_and_ends_where_a_character_begins():
    first, second, third = CHARACTERS.encode("é却")[0], *CHARACTERS.encode("却a")
    tokens, characters = _pieces(CHARACTERS, [int(first), int(second), int(third)])
    assert characters == ["\ufffd", "却", "a"]
    assert tokens == [("<0xC3>", True, 0), ("却", False, 1), ("a", False, 2)]


def test_a_text_that_ends_within_a_character():
    ids = CHARACTERS.encode("却😀")[:-1]
    tokens, characters = _pieces(CHARACTERS, ids)
    assert characters == ["却", "\ufffd"] and [token[2] for token in tokens] == [0, 1, 1, 1]


def test_the_end_of_text_shows_its_name():
    assert token_text(CHARACTERS, CHARACTERS.end_of_text_id) == "<|endoftext|>"
    assert token_text(CHARACTERS, int(CHARACTERS.encode("é")[0])) == "<0xC3>"

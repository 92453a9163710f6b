"""Streams of tokens never show half a character."""

import numpy as np
import pytest
import tokenizers

from tf_gpt2.tokenizer import END_OF_TEXT, StreamDecoder, Tokenizer

TEXT = "话说天下 大势 and words\n" * 20
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.fixture(params=["characters", "bpe"])
def tokenizer(request):
    if request.param == "bpe":
        return Tokenizer.train_bpe([TEXT], 300)
    return Tokenizer.train_characters([TEXT])


def test_pieces_are_whole_characters(tokenizer):
    text = f"话é漢{FAMILY} z\n"
    decoder = StreamDecoder(tokenizer)
    pieces = [decoder.push(i) for i in tokenizer.encode(text)]
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces) and "" in pieces
    assert decoder.flush() == ""


def test_pieces_join_to_what_decode_gives_for_any_ids(tokenizer):
    generator = np.random.default_rng(0)
    decoder = StreamDecoder(tokenizer)
    for _ in range(300):
        ids = generator.integers(0, 257 if generator.random() < 0.5 else tokenizer.vocab_size, 40)
        assert "".join(map(decoder.push, ids)) + decoder.flush() == tokenizer.decode(ids)


def test_flush_shows_what_is_missing_and_starts_afresh(tokenizer):
    decoder = StreamDecoder(tokenizer)
    assert decoder.push(tokenizer.encode("😀")[0]) == ""
    assert decoder.flush() == "\ufffd"
    assert decoder.push(tokenizer.end_of_text_id) == END_OF_TEXT


def test_tokenizers_that_join_words_by_rules():
    vocabulary = {"[UNK]": 0, "[SEP]": 1, "one": 2, "two": 3, "##s": 4}
    model = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    model.decoder = tokenizers.decoders.WordPiece()
    decoder = StreamDecoder(Tokenizer(model))
    assert [decoder.push(i) for i in [2, 4, 3]] == ["one", "s", " two"]
    assert decoder.flush() == ""


def test_words_go_on_where_the_text_before_ends():
    vocabulary = {"<|endoftext|>": 0, "[UNK]": 1, "one": 2, "two": 3, "##s": 4}
    model = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    model.decoder = tokenizers.decoders.WordPiece()
    decoder = StreamDecoder(Tokenizer(model), [3, 2])
    assert [decoder.push(i) for i in [4, 3]] == ["s", " two"]
    assert decoder.flush() == ""
    plain = StreamDecoder(Tokenizer.train_characters(["ab"]), [257])
    assert plain.push(258) == "b"


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_bytes_left_over_are_shown_whatever_came_before(kind):
    text = "却说曹操引兵"
    tokenizer = Tokenizer.train_characters([text]) if kind == "characters" else Tokenizer.train_bpe([text], 270)
    half = tokenizer.encode("龘").tolist()[:2]
    decoder = StreamDecoder(tokenizer, tokenizer.encode(text).tolist())
    assert "".join([*map(decoder.push, half), decoder.flush()]) == tokenizer.decode(half) == "\ufffd"

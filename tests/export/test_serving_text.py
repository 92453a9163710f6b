"""Tokens inside the graph are tokenizer.json's, for every kind and on every nasty text."""

import random

import pytest
import tensorflow as tf
from formats.test_word_piece import ENTRIES
from test_tokenizer import NASTY, TEXT

from export.serving.byte_pair_text import BytePairText
from export.serving.text import SAMPLES, text_module
from tf_gpt2.errors import UserError
from tf_gpt2.formats.tokenizer_files import byte_level_bpe
from tf_gpt2.formats.word_piece import word_piece
from tf_gpt2.token_bytes import byte_level_alphabet
from tf_gpt2.tokenizer import Tokenizer

BPE_TEXT = TEXT + " it's they're I'll we've don't 'tis I'm he'd 123 4567 aaaaaaaa\n" * 9
PIECES = list(dict.fromkeys([*ENTRIES, *map(chr, range(0x21, 0x7F)), *("##" + chr(c) for c in range(0x61, 0x7B)),
                             "it", "##ll", "the", "##ing", "é", "##é", "ᄒ", "##ᅡ"]))  # fmt: skip
# What the rules of the three kinds turn on, drawn at random.
ALPHABET = (
    "'sstmdrevel ll  \n\t\u3000\u00a0a1!好é½²ªΣİ한\u0301\u200b\ufeff.,-_“”\x00\x7f\xad\U0001f600\U000e0001\u2028ก"
)
KINDS = {
    "characters": lambda: Tokenizer.train_characters([TEXT]),
    "no characters": lambda: Tokenizer.train_characters([]),
    "bpe": lambda: Tokenizer.train_bpe(BPE_TEXT.splitlines(keepends=True), 600),
    "bytes": lambda: Tokenizer.train_bpe([], 257),
    "word_piece": lambda: Tokenizer(word_piece(PIECES)),
    "cased word_piece": lambda: Tokenizer(word_piece(PIECES, lowercase=False)),
}


@pytest.fixture(scope="module", params=KINDS)
def pair(request):
    tokenizer = KINDS[request.param]()
    return tokenizer, text_module(tokenizer)


def test_ids_of_nasty_texts(pair):
    tokenizer, module = pair
    draw = random.Random(0)
    texts = [*NASTY, *SAMPLES, *("".join(draw.choices(ALPHABET, k=draw.randrange(25))) for _ in range(1000))]
    encode = tf.function(module.encode, autograph=False)
    for text, ids in zip(texts, encode(tf.constant(texts)).to_list(), strict=True):
        assert ids == tokenizer.encode(text).tolist(), ascii(text[:80])


def test_texts_of_random_ids(pair):
    tokenizer, module = pair
    draw = random.Random(1)
    rows = [[draw.randrange(tokenizer.vocab_size) for _ in range(draw.randrange(20))] for _ in range(1000)]
    texts = module.decode(tf.ragged.constant(rows, tf.int32, ragged_rank=1)).numpy()
    assert [text.decode() for text in texts] == [tokenizer.decode(row) for row in rows]


def test_bytes_that_are_no_text(pair):
    tokenizer, module = pair
    broken = [b"\xe8\xaf", b"a\xff\xfeb", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"]
    expected = [tokenizer.encode(text.decode("utf-8", "replace")).tolist() for text in broken]
    assert module.encode(tf.constant(broken)).to_list() == expected


def test_a_merge_before_its_parts_is_refused():
    vocabulary = {shown: i for i, shown in enumerate(byte_level_alphabet())}
    vocabulary |= {"ab": 256, "abc": 257, "<|endoftext|>": 258}
    tokenizer = Tokenizer(byte_level_bpe(vocabulary, [("ab", "c"), ("a", "b")]))
    with pytest.raises(UserError, match="merge 1 .* 'ab c'"):
        BytePairText(tokenizer)


def test_other_kinds_are_refused():
    import tokenizers

    model = tokenizers.Tokenizer(tokenizers.models.Unigram([("<eos>", 0.0), ("a", -1.0)]))
    model.add_special_tokens(["<eos>"])
    with pytest.raises(UserError, match="Unigram"):
        text_module(Tokenizer(model))

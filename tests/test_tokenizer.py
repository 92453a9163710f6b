"""Any string goes in and comes back, for both kinds, and the file opens elsewhere."""

import collections
import json

import numpy as np
import pytest
import tokenizers
from promises import promptly

from tf_gpt2.errors import UserError
from tf_gpt2.tokenizer import END_OF_TEXT, Tokenizer

TEXT = "话说天下大势，分久必合，合久必分。\n周末七国分争。 It was <the> best|of times 0x41.\n" * 20
NASTY = [
    "", " ", "  \n\n ", "\x00", "a\x00b", "\t话\t", "\r\n", "话说天下",
    "  leading and trailing  ", "\ufeff话",
    "😀", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "cafe\u0301",
    "ก็", "한글", "\U0010ffff", "\ufffd", "\u2028",
    "<0x41>", "<0xE8><0xAF>", END_OF_TEXT, f"话{END_OF_TEXT}说",
    f"{END_OF_TEXT}{END_OF_TEXT}", "<|end", "Ġ", "Ċ話",
    "好" * 100_000, "é" * 50_000, " " * 10_000, "a" * 20_000, "".join(map(chr, range(1, 0x300))),
]  # fmt: skip


@pytest.fixture(scope="module", params=["characters", "bpe", "empty"])
def tokenizer(request):
    if request.param == "bpe":
        return Tokenizer.train_bpe(TEXT.splitlines(keepends=True), 400)
    return Tokenizer.train_characters([TEXT] if request.param == "characters" else [])


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_round_trip(tokenizer, text):
    ids = tokenizer.encode(text)
    assert ids.dtype == np.int32 and ids.ndim == 1
    assert tokenizer.end_of_text_id not in ids
    assert not ids.size or 0 <= ids.min() <= ids.max() < tokenizer.vocab_size
    assert tokenizer.decode(ids) == text


def test_every_character_there_is(tokenizer):
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000, 7)]))
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_lone_surrogates_become_replacement_characters(tokenizer):
    assert tokenizer.decode(tokenizer.encode("a\ud800b")) == "a\ufffdb"
    assert tokenizer.decode(tokenizer.encode_batch(["\udfff话"])[0]) == "\ufffd话"


def test_batches_equal_single_calls(tokenizer):
    for one, ids in zip(NASTY, tokenizer.encode_batch(NASTY), strict=True):
        np.testing.assert_array_equal(ids, tokenizer.encode(one))
    assert tokenizer.encode_batch([]) == []


def test_the_fast_path_equals_the_library(tokenizer):
    library = tokenizers.Tokenizer.from_str(tokenizer.to_json())
    library.encode_special_tokens = True
    for text in [*NASTY, TEXT]:
        assert tokenizer.encode(text).tolist() == library.encode(text, add_special_tokens=False).ids
        assert library.decode(tokenizer.encode(text).tolist(), skip_special_tokens=False) == text


def test_save_and_load(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "new")
    again = Tokenizer.load(tmp_path / "new")
    assert (again.kind, again.vocab_size, again.to_json()) == (
        tokenizer.kind,
        tokenizer.vocab_size,
        tokenizer.to_json(),
    )
    np.testing.assert_array_equal(again.encode(f"话{END_OF_TEXT}"), tokenizer.encode(f"话{END_OF_TEXT}"))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    config = json.loads((tmp_path / "new" / "tokenizer_config.json").read_text())
    assert config["eos_token"] == END_OF_TEXT


def test_decoding_never_raises(tokenizer):
    generator = np.random.default_rng(0)
    for _ in range(200):
        ids = generator.integers(0, tokenizer.vocab_size + 5, 30)
        assert isinstance(tokenizer.decode(ids), str)
    assert tokenizer.decode(tokenizer.encode("é")[:1]) == "\ufffd"
    # What is whole beside the damage stays.
    assert tokenizer.decode([*tokenizer.encode("é"), tokenizer.encode("é")[0]]) == "é\ufffd"


def test_end_of_text_is_written_or_skipped(tokenizer):
    ids = [tokenizer.end_of_text_id, *tokenizer.encode("话")]
    assert tokenizer.decode(ids) == END_OF_TEXT + "话"
    assert tokenizer.decode(ids, skip_special_tokens=True) == "话"


def test_vocabulary_order_and_rare_characters():
    tokenizer = Tokenizer.train_characters(["bbbaac", "cd"], min_char_count=2)
    vocabulary = json.loads(tokenizer.to_json())["model"]["vocab"]
    # b 3 times; a and c twice, by code point; d once goes to its byte.
    assert {entry: vocabulary[entry] for entry in ["<0x00>", "<0xFF>", "b", "a", "c"]} == {
        "<0x00>": 1, "<0xFF>": 256, "b": 257, "a": 258, "c": 259,
    }  # fmt: skip
    assert tokenizer.end_of_text_id == 0 and tokenizer.vocab_size == 260
    assert tokenizer.encode("ad").tolist() == [258, 1 + ord("d")]
    assert tokenizer.has_token(["a", "d", "话"]).tolist() == [True, False, False]


def test_character_vocabulary_is_that_of_a_plain_count():
    counts = collections.Counter(TEXT)
    expected = sorted(counts, key=lambda c: (-counts[c], c))
    vocabulary = json.loads(Tokenizer.train_characters([TEXT]).to_json())["model"]["vocab"]
    assert sorted((c for c in vocabulary if len(c) == 1), key=vocabulary.get) == expected


def test_bpe_is_deterministic_and_shorter():
    lines = TEXT.splitlines(keepends=True)
    one, two = Tokenizer.train_bpe(lines, 500), Tokenizer.train_bpe(lines, 500)
    assert one.to_json() == two.to_json()
    assert len(one.encode(TEXT)) < len(TEXT) / 2
    assert one.kind == "bpe" and one.vocab_size <= 500


def test_other_kinds_open_too(tmp_path):
    model = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({"[UNK]": 0, "[SEP]": 1, "话": 2, "说": 3}, unk_token="[UNK]")
    )
    model.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    model.decoder = tokenizers.decoders.WordPiece()
    (tmp_path / "tokenizer.json").write_text(model.to_str())
    tokenizer = Tokenizer.load(tmp_path)
    assert (tokenizer.kind, tokenizer.end_of_text_id) == ("other", 1)
    assert tokenizer.encode("话 X").tolist() == [2, 0]
    assert tokenizer.has_token(["话", "X"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: Tokenizer.train_characters(["a"], 0), "`min_char_count`"),
        (lambda: Tokenizer.train_bpe(["a"], 256), "`vocab_size`"),
        (lambda: Tokenizer(tokenizers.Tokenizer(tokenizers.models.BPE())), "ends a text"),
    ],
)
def test_wrong_arguments_are_refused(call, complaint):
    with pytest.raises(UserError, match=complaint):
        call()


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"model": 5}', "话"])
def test_missing_and_damaged_files_are_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content, "utf-8")
    with pytest.raises(UserError, match=r"tokenizer\.json") as caught:
        Tokenizer.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_long_text_is_encoded_quickly():
    tokenizer = Tokenizer.train_characters([TEXT])
    text = TEXT * 5000  # 8 million characters
    with promptly():
        tokenizer.encode(text)

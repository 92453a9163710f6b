"""From files to token streams, and the cache."""

import json

import numpy as np
import pytest
import tokenizers

from tf_gpt2 import long_texts
from tf_gpt2.corpus.cleaning import clean
from tf_gpt2.data import prepare, request
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.errors import UserError
from tf_gpt2.tokenizer import END_OF_TEXT, Tokenizer

FIRST = "　　话说天下大势，分久必合，合久必分。\r\n\r\n" * 40
SECOND = "It was the best of times.\n\nIt was <|endoftext|> the <0x41> worst of times, 😀.\n\n" * 30


@pytest.fixture
def novels(tmp_path):
    folder = tmp_path / "novels"
    folder.mkdir()
    (folder / "一.txt").write_bytes(FIRST.encode("gb18030"))
    (folder / "two.txt").write_text(SECOND, "utf-8")
    (folder / "zempty.txt").write_text(" \n ")
    return folder


def _prepare(novels, **kwargs):
    return prepare_corpus([novels], cache_dir=novels.parent / "cache", **kwargs)


@pytest.mark.parametrize("kind", ["characters", "bpe"])
@pytest.mark.parametrize("fraction", [0.05, 0.0, 0.3])
def test_streams_hold_exactly_the_texts(novels, kind, fraction, monkeypatch):
    monkeypatch.setattr(long_texts, "_BATCH_CHARACTERS", 50)
    corpus = _prepare(novels, tokenizer_kind=kind, vocab_size=300, validation_fraction=fraction)
    texts = [clean(SECOND), clean(FIRST)]  # by file name: "two" before "一"
    cuts = [len(text) - round(len(text) * fraction) for text in texts]
    encode, end = corpus.tokenizer.encode, corpus.tokenizer.end_of_text_id
    training = [[end, *encode(t[:cut])] for t, cut in zip(texts, cuts, strict=True)]
    held_out = [[encode(t[:cut])[-1], *encode(t[cut:])] for t, cut in zip(texts, cuts, strict=True) if t[cut:]]
    assert corpus.train.tokens.tolist() == sum(training, [])
    assert corpus.validation.tokens.tolist() == sum(held_out, [])
    assert corpus.validation.characters == sum(len(t) - cut for t, cut in zip(texts, cuts, strict=True))
    assert corpus.validation.targets == sum(len(tokens) - 1 for tokens in held_out)
    assert corpus.train.unpredicted.tolist() == ([0, len(training[0])] if fraction else [])
    assert len(corpus.test) == corpus.test.targets == 0  # a short corpus
    assert corpus.tokenizer.decode(corpus.train.tokens).startswith(END_OF_TEXT + "It was")
    # The literal in the text is text: one end-of-text token a document and no more.
    assert np.count_nonzero(corpus.train.tokens == end) == 2


def test_report(novels):
    report = _prepare(novels, min_char_count=31).report
    assert [book.title for book in report.books] == ["two", "一"]
    assert report.characters == len(clean(FIRST)) + len(clean(SECOND)) == sum(b.characters for b in report.books)
    assert report.distinct_characters == len(set(clean(FIRST) + clean(SECOND)))
    text = clean(FIRST) + clean(SECOND)
    training = "".join(t[: len(t) - round(0.05 * len(t))] for t in (clean(FIRST), clean(SECOND)))
    known = {c for c in training if training.count(c) >= 31}
    assert report.uncovered_characters == len(set(text) - known) > 0
    assert report.vocabulary_share == pytest.approx(sum(c in known for c in text) / len(text))


def test_files_are_plain_little_endian_integers(novels):
    corpus = _prepare(novels)
    assert {p.name for p in corpus.folder.iterdir()} == {
        "train.bin", "validation.bin", "test.bin", "text.bin", "texts.bin", "titles.bin",
        "tokenizer.json", "tokenizer_config.json", "index.json",
    }  # fmt: skip
    np.testing.assert_array_equal(np.fromfile(corpus.folder / "train.bin", "<u2"), corpus.train.tokens)
    index = json.loads((corpus.folder / "index.json").read_text("utf-8"))
    assert {split: stream["tokens"] for split, stream in index["streams"].items()} == {
        "train": len(corpus.train),
        "validation": len(corpus.validation),
        "test": 0,
    }
    assert not corpus.train.tokens.flags.writeable
    texts = [(title, text) for title, text in corpus.training_texts()]
    assert [title for title, _ in texts] == ["two", "一"]
    assert [a + b for (_, a), (_, b) in zip(texts, corpus.held_out_texts(), strict=True)] == [
        clean(SECOND),
        clean(FIRST),
    ]


def test_second_time_comes_from_the_cache(novels, monkeypatch):
    first = _prepare(novels)
    monkeypatch.setattr(prepare, "_Preparation", lambda *args: pytest.fail("prepared again"))
    second = _prepare(novels, vocab_size=77)  # no business of characters
    assert second.from_cache and not first.from_cache
    assert second.folder == first.folder and second.report == first.report
    np.testing.assert_array_equal(second.train.tokens, first.train.tokens)


@pytest.mark.parametrize(
    "changes",
    [{"min_char_count": 2}, {"tokenizer_kind": "bpe", "vocab_size": 300},
     {"validation_fraction": 0.1}, {"test_fraction": 0.1}, {"split_seed": 1},
     {"script": "traditional"}, {"encoding": "gb18030"},
     {"tokenizer": Tokenizer.train_characters(["x"])}],
)  # fmt: skip
def test_other_settings_are_other_entries(novels, changes):
    (novels / "two.txt").unlink()
    assert not _prepare(novels).from_cache
    assert not _prepare(novels, **changes).from_cache


def test_changed_bytes_are_another_entry(novels):
    _prepare(novels)
    (novels / "two.txt").write_text(SECOND.replace("best", "rest"), "utf-8")
    assert not _prepare(novels).from_cache


@pytest.mark.parametrize(
    "name", ["train.bin", "validation.bin", "text.bin", "texts.bin", "tokenizer.json", "index.json"]
)
@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
def test_a_damaged_entry_is_rebuilt(novels, name, damage):
    before = _prepare(novels)
    expected = before.train.tokens.tolist()
    path = before.folder / name
    data = bytearray(path.read_bytes())
    if damage == "delete":
        path.unlink()
    else:
        data[len(data) // 2] ^= 0x5A
        path.write_bytes(bytes(data[: len(data) // 2]) if damage == "truncate" else bytes(data))
    after = _prepare(novels)
    # One flipped bit of the index may lie in a title and pass; the streams are checked by their
    # sums.
    assert after.from_cache is False or (name, damage) == ("index.json", "flip")
    assert after.train.tokens.tolist() == expected


def test_a_given_tokenizer_is_used_as_it_is(novels):
    tokenizer = Tokenizer.train_bpe([FIRST], 270)
    corpus = _prepare(novels, tokenizer=tokenizer)
    assert corpus.tokenizer.to_json() == tokenizer.to_json()
    assert corpus.report.tokenizer_kind == "bpe"


def test_another_token_that_ends_a_text_is_another_entry(novels):
    usual = Tokenizer.train_characters([FIRST, SECOND])
    other = Tokenizer(tokenizers.Tokenizer.from_str(usual.to_json()), "e")
    assert other.to_json() == usual.to_json()
    for tokenizer in (usual, other):
        corpus = _prepare(novels, tokenizer=tokenizer)
        assert corpus.train.tokens[0] == tokenizer.end_of_text_id and not corpus.from_cache
    with pytest.raises(UserError, match="go on from"):
        prepare_corpus(corpus.folder, tokenizer=usual)
    assert prepare_corpus(corpus.folder, tokenizer=other).from_cache


def test_many_short_texts_are_held_out_whole(tmp_path):
    texts = [f"第{i}篇。" for i in range(3000)]
    (tmp_path / "train.json").write_text(json.dumps(texts), "utf-8")
    corpus = prepare_corpus(
        [tmp_path / "train.json"], cache_dir=tmp_path / "cache", validation_fraction=0.25, test_fraction=0.1
    )
    assert len(corpus.report.books) == 3000
    found = [corpus.tokenizer.decode(stream.tokens).split(END_OF_TEXT) for stream in corpus.streams.values()]
    assert [split[0] for split in found] == [""] * 3 and found[1][-1] == found[2][-1] == ""
    assert sorted(text for split in found for text in split if text) == sorted(texts)
    assert len(found[1]) == pytest.approx(750, abs=75) and len(found[2]) == pytest.approx(
        300, abs=50
    )  # 3 deviations
    assert not corpus.train.unpredicted.size  # the ring closes with the last text's end
    assert corpus.validation.unpredicted.tolist() == [0]


def test_a_text_is_divided_alike_alone_and_in_a_list_of_one(tmp_path):
    text = clean(SECOND)
    (tmp_path / "book.txt").write_text(text, "utf-8")
    (tmp_path / "book.json").write_text(json.dumps([text]), "utf-8")
    one, other = (
        prepare_corpus([tmp_path / f"book.{kind}"], cache_dir=tmp_path / kind) for kind in ("txt", "json")
    )
    for split, stream in one.streams.items():
        np.testing.assert_array_equal(stream.tokens, other.streams[split].tokens)
        np.testing.assert_array_equal(stream.unpredicted, other.streams[split].unpredicted)


def test_no_corpus_means_the_sample(novels, monkeypatch):
    monkeypatch.setattr(request, "sample_path", lambda cache_dir: novels / "two.txt")
    assert [b.title for b in prepare_corpus(None, cache_dir=novels.parent / "cache").report.books] == ["two"]


def test_a_failure_leaves_no_rubbish(novels):
    (novels / "bad.txt").write_bytes(bytes(range(256)) * 10)
    with pytest.raises(UserError, match=r"bad\.txt"):
        _prepare(novels)
    assert not [p for p in (novels.parent / "cache").rglob("*") if p.is_file() or p.name.startswith(".")]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tokenizer_kind": "words"}, "`tokenizer_kind`"),
        ({"min_char_count": 0}, "`min_char_count`"),
        ({"tokenizer_kind": "bpe", "vocab_size": 3}, "`vocab_size`"),
        ({"script": "pinyin"}, "`script`"),
        ({"encoding": "klingon"}, "`encoding`"),
        ({"validation_fraction": 1.0}, "validation"),
        ({"validation_fraction": float("nan")}, "validation"),
        ({"test_fraction": -0.1}, "`test_fraction`"),
        ({"validation_fraction": 0.6, "test_fraction": 0.4}, "together"),
    ],
)
def test_wrong_settings_are_refused(novels, changes, complaint):
    with pytest.raises(UserError, match=complaint):
        _prepare(novels, **changes)


def test_texts_without_words_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text(" \n ")
    with pytest.raises(UserError, match=r"a\.txt is empty"):
        prepare_corpus([tmp_path / "a.txt"], cache_dir=tmp_path / "cache")

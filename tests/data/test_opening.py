"""A corpus that was prepared elsewhere: in another folder, or at an address."""

import itertools
import shutil

import blocks
import numpy as np
import pytest

from tf_gpt2.data.opening import open_prepared, prepared_place
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.shards import ShardedTokens
from tf_gpt2.data.windows import evaluation_windows, training_dataset
from tf_gpt2.errors import UserError
from tf_gpt2.locations import RemotePath
from tf_gpt2.tokenizer import Tokenizer


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A corpus of several shards."""
    blocks.make_small(monkeypatch)
    (tmp_path / "book.txt").write_text("".join(f"第{i}回：话说天下大势。\n" for i in range(150)), "utf-8")
    return prepare_corpus([tmp_path / "book.txt"], cache_dir=tmp_path / "cache")


@pytest.fixture
def bucket(prepared):
    """The same at an address."""
    address = f"ram://bucket/{prepared.folder.name}"
    for path in prepared.folder.iterdir():
        _put(f"{address}/{path.name}", path.read_bytes())
    return address


def _put(address, data):
    """Writes a file anew: TensorFlow's file system in memory appends to one that is there."""
    import tensorflow as tf

    if tf.io.gfile.exists(address):
        tf.io.gfile.remove(address)
    with tf.io.gfile.GFile(address, "wb") as file:
        file.write(data)


def _batches(stream):
    train = itertools.islice(training_dataset(stream, context_length=16, batch_size=8, seed=3), 40)
    return [(x.numpy().tolist(), y.numpy().tolist()) for x, y in train]


def test_shards_give_the_windows_of_one_array(prepared):
    stream = prepared.train
    assert isinstance(stream.tokens, ShardedTokens) and len(stream) > 3 * 256
    whole = np.concatenate(
        [np.fromfile(path, "<u2") for path in sorted(prepared.folder.glob("train*"), key=_shard)]
    )
    one = type(stream)(whole, stream.unpredicted, stream.characters)
    assert _batches(stream) == _batches(one)
    for (a, b), (c, d) in zip(
        *(evaluation_windows(s, context_length=16, batch_size=8) for s in (stream, one)), strict=True
    ):
        assert np.array_equal(a, c) and np.array_equal(b, d)
    assert stream.tokens.tolist() == list(stream.tokens) == whole.tolist() and stream.tokens.max() == whole.max()
    assert stream.tokens[300] == whole[300] and stream.tokens[900:200].tolist() == []


def _shard(path):
    return path.name.split(".")[1].replace("bin", "")


def test_a_copy_in_another_folder_is_opened(prepared, tmp_path):
    copy = tmp_path / "elsewhere" / prepared.folder.name
    shutil.copytree(prepared.folder, copy)
    opened = prepare_corpus(copy)
    assert opened.folder == copy and opened.report == prepared.report and opened.from_cache
    assert (
        prepared_place([copy, copy]) is None and prepared_place(tmp_path) is None and prepared_place(None) is None
    )
    with pytest.raises(UserError, match="another \\(characters"):
        prepare_corpus(copy, tokenizer_kind="bpe")
    with pytest.raises(UserError, match="go on from"):
        prepare_corpus(copy, tokenizer=Tokenizer.train_characters(["x"]))


def test_windows_are_read_from_an_address(prepared, bucket, tmp_path):
    opened = prepare_corpus(bucket, cache_dir=tmp_path / "there")
    assert opened.folder.name == prepared.folder.name and opened.report == prepared.report
    assert _batches(opened.train) == _batches(prepared.train)
    assert opened.text_bytes == prepared.text_bytes
    assert opened.validation.tokens.tolist() == prepared.validation.tokens.tolist()
    with pytest.raises(UserError, match="texts .* must be here"):
        list(opened.training_texts())


@pytest.mark.parametrize("name", ["train.00001.bin", "train.bin", "text.bin", "texts.bin", "index.json"])
def test_what_was_cut_is_one_line(prepared, bucket, tmp_path, name):
    data = (prepared.folder / name).read_bytes()
    _put(f"{bucket}/{name}", data[:-7])
    (prepared.folder / name).write_bytes(data[:-7])
    for place in (RemotePath(bucket), prepared.folder):
        with pytest.raises(UserError, match=f"must be whole: .*{name} is damaged") as caught:
            open_prepared(place, tmp_path / "there")
        assert "\n" not in str(caught.value)


def test_a_flipped_bit_here_is_one_line(prepared):
    data = bytearray((prepared.folder / "train.00001.bin").read_bytes())
    data[100] ^= 4
    (prepared.folder / "train.00001.bin").write_bytes(data)
    with pytest.raises(UserError, match=r"train\.00001\.bin is damaged"):
        prepare_corpus(prepared.folder)

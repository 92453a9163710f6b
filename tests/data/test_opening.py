"""A corpus that was prepared elsewhere: in another folder, or at an address."""

import errno
import itertools
import shutil

import blocks
import numpy as np
import pytest

from tf_gpt2.data import shards
from tf_gpt2.data.opening import open_prepared, prepared_place
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.shards import ShardedTokens
from tf_gpt2.data.windows import evaluation_windows, training_dataset
from tf_gpt2.errors import UserError
from tf_gpt2.locations import RemotePath
from tf_gpt2.tokenizer import Tokenizer
from tf_gpt2.training.run import train_model


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


@pytest.mark.parametrize("times", [2, 4])
def test_a_read_that_fails_is_tried_again_and_then_one_line(prepared, bucket, tmp_path, monkeypatch, times):
    failures, read = [OSError(errno.EIO, "a socket broke")] * times, shards.read_range

    def broken(*arguments):
        if failures:
            raise failures.pop()
        return read(*arguments)

    opened = prepare_corpus(bucket, cache_dir=tmp_path / "there")
    monkeypatch.setattr(shards.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(shards, "read_range", broken)
    windows = evaluation_windows(opened.validation, context_length=16, batch_size=8)
    if times == 2:
        assert list(windows)
        return
    for batches in (windows, training_dataset(opened.train, context_length=16, batch_size=8, seed=3).take(4)):
        failures += [OSError(errno.EIO, "a socket broke")] * 40  # two batches are made at once
        with pytest.raises(UserError, match=r"^ram://bucket/.*\.bin must be readable: a socket broke\.") as caught:
            list(batches)
        assert "\n" not in str(caught.value) and caught.value.__suppress_context__
        failures.clear()
        assert list(batches)


def test_a_shard_that_vanished_is_one_line_at_once(prepared, bucket, tmp_path, monkeypatch):
    import tensorflow as tf

    opened = prepare_corpus(bucket, cache_dir=tmp_path / "there")
    monkeypatch.setattr(shards.time, "sleep", lambda seconds: pytest.fail("what is gone does not come back"))
    tf.io.gfile.remove(f"{bucket}/validation.bin")
    with pytest.raises(UserError, match=r"validation\.bin must be readable: No such file"):
        list(evaluation_windows(opened.validation, context_length=16, batch_size=8))


def test_a_training_from_an_address_does_without_the_texts(prepared, bucket, tmp_path, monkeypatch, caplog):
    """By default originality is measured, which needs them."""
    caplog.set_level("INFO", "tf_gpt2")
    monkeypatch.setenv("TF_GPT2_CACHE", str(tmp_path / "there"))
    tiny = {"num_layers": 1, "num_heads": 1, "hidden_dim": 8, "context_length": 8, "batch_size": 2, "steps": 2}
    with pytest.raises(UserError, match=r"^`stop_when_copying` needs the texts.* elsewhere; copy that folder"):
        train_model(bucket, tmp_path / "refused", stop_when_copying=0.5, **tiny)
    assert not (tmp_path / "refused").exists() and "compiling" not in caplog.text
    result = train_model(bucket, tmp_path / "run", sample_every=0, eval_every=1, **tiny)
    assert result is not None and caplog.text.count("originality is not measured: the texts of") == 1


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

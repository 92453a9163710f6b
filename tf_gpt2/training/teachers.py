"""The teachers of a distillation: opened and checked, and what they answer on the training text, kept on the disk.

They read the text once, in windows of which each gives its later half; of the mean of their probabilities the
likeliest tokens are kept for every place. So an epoch costs what it costs without them.

Shapes: N tokens in the stream, K likeliest tokens.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import pathlib
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_gpt2.cache import cache_folder
from tf_gpt2.config import GPT2Config
from tf_gpt2.data.token_files import PreparedCorpus, token_dtype
from tf_gpt2.errors import UserError
from tf_gpt2.files import read_bounded, replacing_folder
from tf_gpt2.model_directory import load_config, load_model, load_weights
from tf_gpt2.tokenizer import Tokenizer

if TYPE_CHECKING:
    import keras

LIKELIEST = 32
_VERSION = 1  # of the files
_IDS, _PROBABILITIES, _DESCRIPTION = "ids.bin", "probabilities.bin", "index.json"
_PROBABILITY = np.dtype("<f2")
_TOKENS_AT_ONCE, _NUMBERS_AT_ONCE = 4096, 1 << 25
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A model to learn from.

    Attributes:
        folder: Its model directory.
        config: Its shape.
        digest: Of its shape and weights: 16 hexadecimal digits.
    """

    folder: str
    config: GPT2Config
    digest: str


@dataclasses.dataclass(frozen=True)
class Answers:
    """The likeliest tokens at each place of a token stream, by the teachers.

    Attributes:
        ids: Of the token at each place, before it is seen: [N, K].
        probabilities: Of these, float16 [N, K]; all 0 at the first place, which nobody predicts.
    """

    ids: np.ndarray
    probabilities: np.ndarray

    @property
    def width(self) -> int:
        """Numbers that go along with a target."""
        return 2 * self.ids.shape[1]

    def at(self, positions: np.ndarray) -> np.ndarray:
        """Of the targets at positions [rows, T]: ids, then bits of float32 probabilities, int32 [rows, T, 2 K]."""
        probabilities = self.probabilities[positions].astype(np.float32)
        return np.concatenate([self.ids[positions].astype(np.int32), probabilities.view(np.int32)], axis=-1)


def open_teachers(
    folders: Sequence[str], tokenizer: Tokenizer, vocabulary_size: int | None = None
) -> list[Teacher]:
    """Opens models to learn from.

    Args:
        folders: Their model directories.
        tokenizer: The student's.
        vocabulary_size: The student's, which may be more than its tokenizer's; None where it is not known yet.

    Raises:
        UserError: There is no such model, it is damaged, or it has another tokenizer or vocabulary size.
    """
    teachers = []
    for folder in folders:
        with _named(folder):
            config, own = load_config(folder), Tokenizer.load(folder)
            digest = _digest(config, load_weights(folder, config))
        ends = own.end_of_text_id, tokenizer.end_of_text_id
        if own.identity() != tokenizer.identity():
            raise UserError(
                f"`distill_from`={folder} must have the tokenizer of the model that learns from it; it has another "
                f"({own.vocab_size:,} tokens instead of {tokenizer.vocab_size:,}, a text ends with {ends[0]} "
                f"instead of {ends[1]}); name a model trained on the same texts with the same tokenizer flags"
            )
        if vocabulary_size not in (None, config.vocabulary_size):
            raise UserError(
                f"`distill_from`={folder} must have as many embedding rows as the model that learns from it; it "
                f"has {config.vocabulary_size:,} instead of {vocabulary_size:,}, with the same tokenizer; give "
                "both the same `init_from`, or none"
            )
        teachers.append(Teacher(str(folder), config, digest))
    return teachers


def look_for_teachers(folders: Sequence[str]) -> None:
    """Looks whether there are such models, which takes no time.

    Raises:
        UserError: There is none in one of the folders.
    """
    for folder in folders:
        with _named(folder):
            load_config(folder)


@contextlib.contextmanager
def _named(folder: str) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise UserError(f"`distill_from`={folder}: {str(error).replace('`source`', 'a teacher')}") from None


def _digest(config: GPT2Config, weights: Any) -> str:
    shape = {**dataclasses.asdict(config), "dropout": 0.0}
    found = hashlib.sha256(json.dumps(shape, sort_keys=True).encode())
    for name in sorted(weights):
        found.update(name.encode())
        found.update(np.ascontiguousarray(weights[name]).tobytes())
    return found.hexdigest()[:16]


def answers_of(
    teachers: Sequence[Teacher], prepared: PreparedCorpus, cache_dir: str | pathlib.Path | None = None
) -> Answers:
    """What the teachers answer on the training text; computed on first use, and kept in the cache.

    Raises:
        UserError: The cache cannot be written.
    """
    window = min([teacher.config.context_length for teacher in teachers] + [len(prepared.train) - 1])
    vocabulary = teachers[0].config.vocabulary_size
    described = {
        "version": _VERSION,
        "corpus": prepared.folder.name,
        "tokens": len(prepared.train),
        "vocabulary": vocabulary,
        "teachers": sorted(teacher.digest for teacher in teachers),
        "window": window,
        "likeliest": min(LIKELIEST, vocabulary),
    }
    name = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]
    folder = cache_folder(cache_dir) / "teachers" / name
    found = _open(folder, described)
    if found is None:
        with replacing_folder(
            folder, complete=lambda there: _open(there, described) is not None, remedy="make room in the cache"
        ) as new:
            _write(new, described, teachers, prepared)
        found = _open(folder, described)
    assert found is not None  # just written
    return found


def _open(folder: pathlib.Path, described: dict) -> Answers | None:
    """None when they are missing, damaged or others."""
    from tf_gpt2.schemas import AnswersIndex

    try:
        index = AnswersIndex.model_validate_json(read_bounded(folder / _DESCRIPTION))
        if index.of != described or any(_checksum(folder / file) != crc for file, crc in index.files.items()):
            return None
        shape = (described["tokens"], described["likeliest"])
        dtypes = {_IDS: token_dtype(described["vocabulary"]), _PROBABILITIES: _PROBABILITY}
        return Answers(*(np.memmap(folder / file, dtype, "r", shape=shape) for file, dtype in dtypes.items()))
    except (OSError, ValueError):  # pydantic's error and NumPy's are ValueErrors
        return None


def _write(folder: pathlib.Path, described: dict, teachers: Sequence[Teacher], prepared: PreparedCorpus) -> None:
    tokens, likeliest = described["tokens"], described["likeliest"]
    _log.info(f"{len(teachers)} teacher{'s' * (len(teachers) > 1)} read the {tokens:,} tokens to train on")
    start = time.perf_counter()
    rows = _rows(described)
    answer = _answering([load_model(teacher.folder)[0] for teacher in teachers], likeliest, rows)
    with (folder / _IDS).open("wb") as ids, (folder / _PROBABILITIES).open("wb") as probabilities:
        ids.write(np.zeros(likeliest, token_dtype(described["vocabulary"])).tobytes())  # nobody predicts the first
        probabilities.write(np.zeros(likeliest, _PROBABILITY).tobytes())
        for x, new in reading_windows(prepared.train.tokens, described["window"], rows):
            values, found = answer(x, new)
            ids.write(found.astype(token_dtype(described["vocabulary"])).tobytes())
            probabilities.write(values.astype(_PROBABILITY).tobytes())
    index = {"of": described, "files": {name: _checksum(folder / name) for name in (_IDS, _PROBABILITIES)}}
    (folder / _DESCRIPTION).write_text(json.dumps(index), encoding="utf-8")
    _log.info(f"what they answer is in the cache, after {time.perf_counter() - start:.0f} s")


def reading_windows(tokens: Any, window: int, rows: int) -> Iterator[tuple[np.ndarray, int]]:
    """Windows that predict every token but the first once, each from half a window or more where there is so much.

    Args:
        tokens: The stream [N], more than `window` of them.
        window: Tokens of a window, T.
        rows: The most windows at once.

    Yields:
        (x, new): windows int32 [rows or fewer, T], and how many of their last predictions are new; in the order
        of the stream.
    """
    last = len(tokens) - 1  # tokens that are predicted

    def cut(starts):
        return np.stack([np.asarray(tokens[start : start + window], np.int32) for start in starts])

    yield cut([0]), window
    stride = max(1, window // 2)
    starts = list(range(stride, last - window + 1, stride))
    for first in range(0, len(starts), rows):
        yield cut(starts[first : first + rows]), stride
    done = (starts[-1] if starts else 0) + window
    if done < last:
        yield cut([last - window]), last - done


def _answering(models: Sequence[keras.Model], likeliest: int, rows: int) -> Callable[[np.ndarray, int], tuple]:
    """From windows, at most `rows`, and how many of their last predictions are wanted to (probabilities, ids)."""
    import tensorflow as tf

    @tf.function(jit_compile=True, autograph=False)
    def mean(x):
        return tf.add_n([tf.nn.softmax(model(x, training=False)) for model in models]) / len(models)

    def answer(x, new):
        filled = np.pad(x, ((0, rows - len(x)), (0, 0)))  # one shape, one program
        values, ids = tf.math.top_k(mean(tf.constant(filled))[: len(x), -new:], likeliest)
        return values.numpy(), ids.numpy()

    return answer


def _rows(described: dict) -> int:
    tokens = min(_TOKENS_AT_ONCE, _NUMBERS_AT_ONCE // described["vocabulary"])
    return max(1, tokens // described["window"])


def _checksum(path: pathlib.Path) -> int:
    found = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found = zlib.crc32(block, found)
    return found

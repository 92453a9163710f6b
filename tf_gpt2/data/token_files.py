"""The folder of a prepared corpus: token files, tokenizer, index; written whole or not at all."""

import contextlib
import dataclasses
import json
import zlib
from pathlib import Path

import numpy as np

from tf_gpt2.corpus.report import CorpusReport
from tf_gpt2.files import replacing_folder, write_atomically
from tf_gpt2.tokenizer import Tokenizer

# Part of the cache key: raise it when cleaning, splitting or the files change what is stored.
FORMAT_VERSION = 1
INDEX_NAME = "index.json"
SPLITS = ("train", "validation")


@dataclasses.dataclass(frozen=True)
class PreparedCorpus:
    """A corpus ready for training.

    Both token streams are documents in order, each preceded by the end-of-text token. So every
    character of the held-out spans is predicted, and `validation loss per token *
    (len(validation_tokens) - 1) / validation_characters` is in nats per character.

    Attributes:
        folder: Where the files lie.
        tokenizer: The tokenizer, as loaded from there.
        train_tokens: uint16 or uint32 [N], a read-only memory map.
        validation_tokens: Likewise for the held-out spans.
        validation_characters: Number of characters in the held-out spans.
        report: Figures for the user.
        from_cache: Whether it was there already.
    """

    folder: Path
    tokenizer: Tokenizer
    train_tokens: np.ndarray
    validation_tokens: np.ndarray
    validation_characters: int
    report: CorpusReport
    from_cache: bool


def token_dtype(vocab_size: int) -> np.dtype:
    """The smallest of uint16 and uint32, little endian, that holds every id."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


def read_prepared(folder: Path, *, from_cache: bool) -> PreparedCorpus | None:
    """Opens a prepared corpus; None when it is missing, damaged or of another version."""
    from tf_gpt2.schemas import PreparedIndex

    try:
        index = PreparedIndex.model_validate_json((folder / INDEX_NAME).read_bytes())
        sums = {name: _crc32(folder / name) for name in _checked_files()}
        if index.version != FORMAT_VERSION or index.crc32 != sums:
            return None
        dtype, report, counts = np.dtype(index.dtype), index.report, index.tokens.model_dump()
        tokens = {split: _map_tokens(folder / f"{split}.bin", dtype, counts[split]) for split in SPLITS}
        tokenizer = Tokenizer.load(folder)
    except (OSError, ValueError):  # pydantic's error, and a user's, are ValueErrors
        return None
    return PreparedCorpus(
        folder=folder,
        tokenizer=tokenizer,
        train_tokens=tokens["train"],
        validation_tokens=tokens["validation"],
        validation_characters=report.validation_characters,
        report=report,
        from_cache=from_cache,
    )


def write_index(folder: Path, report: CorpusReport, dtype: np.dtype) -> None:
    """Completes a folder that holds the token files and the tokenizer with an index."""
    index = {
        "version": FORMAT_VERSION,
        "dtype": dtype.str,
        "tokens": {"train": report.train_tokens, "validation": report.validation_tokens},
        "crc32": {name: _crc32(folder / name) for name in _checked_files()},
        "report": dataclasses.asdict(report),
    }
    write_atomically(folder / INDEX_NAME, json.dumps(index, ensure_ascii=False).encode())


def _checked_files() -> list[str]:
    return [*(f"{split}.bin" for split in SPLITS), "tokenizer.json"]


def new_prepared_folder(target: Path) -> contextlib.AbstractContextManager[Path]:
    """A temporary folder that becomes `target` at the end, or vanishes when an error occurs.

    What is at `target` is replaced, unless another process has put a whole prepared corpus there meanwhile.

    Raises:
        UserError: The disk is full or the place cannot be written.
    """
    return replacing_folder(
        target,
        complete=lambda folder: read_prepared(folder, from_cache=True) is not None,
        remedy="make room in the cache or set TF_GPT2_CACHE to another folder",
    )


def _map_tokens(path: Path, dtype: np.dtype, count: int) -> np.ndarray:
    if path.stat().st_size != count * dtype.itemsize:
        raise ValueError(f"{path} has not {count} tokens")
    return np.memmap(path, dtype, mode="r", shape=(count,)) if count else np.zeros(0, dtype)


def _crc32(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            checksum = zlib.crc32(piece, checksum)
    return checksum

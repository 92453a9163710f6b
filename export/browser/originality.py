"""What a site ships so that its page can tell copies of the training text, in a folder beside the bundle.

originality.json   which model and corpus it belongs to, what makes a run a copy, the author's own share, and
                   name, bytes and SHA-256 of the other file
copies.bin         gzip of: the length of a header, the header (JSON), arrays one after the other, each from a
                   multiple of four bytes on

Which of two kinds the other file is, the owner decides: an index that holds the text, or hashes that do not.
"""

import dataclasses
import gzip
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.originality import CorpusIndex, baseline, corpus_index
from tf_gpt2.evaluation.originality_of_model import corpus_of_run

from .copies_hashes import WINDOWS, hash_books
from .copies_index import RATE, full_text_index

FOLDER = "originality"
DESCRIPTION_FILE, COPIES_FILE = "originality.json", "copies.bin"
FORMAT = "tf_gpt2-originality"
VERSION = 1
KINDS = ("none", "hashes", "index")
# Eight words have seven blanks between them at least.
_LEAST_CHARACTERS_OF_WORDS = 15


@dataclasses.dataclass(frozen=True)
class TrainingText:
    """The training text of a run, found before anything is written.

    Attributes:
        prepared: The corpus.
        index: Its suffix array.
    """

    prepared: PreparedCorpus
    index: CorpusIndex


def training_text(run_dir: str | os.PathLike, kind: str) -> TrainingText | None:
    """What a run was trained on; None for the kind "none".

    Raises:
        UserError: There is no such kind, or the corpus is not in the cache any more.
    """
    if kind not in KINDS:
        raise UserError(f"`originality` must be one of {', '.join(KINDS)}; received {kind}")
    if kind == "none":
        return None
    try:
        prepared = corpus_of_run(run_dir)
    except UserError as error:
        raise UserError(
            f"`originality`={kind} needs the text that the model was trained on, in the cache of the machine that "
            f"trained it; it was not found for {run_dir}. Export there, or with `originality`=none"
        ) from error
    return TrainingText(prepared, corpus_index(prepared))


def write_originality(folder: pathlib.Path, kind: str, text: TrainingText, model: str) -> dict[str, Any]:
    """Writes the two files.

    Args:
        folder: An existing one, of the site.
        kind: "index" or "hashes".
        text: What is searched for copies.
        model: SHA-256 of the bundle's index: of which model it is the training text.

    Returns:
        The content of originality.json.
    """
    corpus = text.prepared.folder.name
    content = copies_file(kind, text.index, corpus)
    description = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "model": model,
        "corpus": corpus,
        "unit": "words" if text.index.alphabetic else "characters",
        "least": text.index.least,
        "baseline": baseline(text.index, text.prepared),
        "path": COPIES_FILE,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (folder / COPIES_FILE).write_bytes(content)
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return description


def copies_file(kind: str, index: CorpusIndex, corpus: str) -> bytes:
    """The content of copies.bin.

    Args:
        kind: "index" or "hashes".
        index: Of the training text.
        corpus: The name of the corpus.
    """
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "corpus": corpus,
        "unit": "words" if index.alphabetic else "characters",
        "least": index.least,
        "leastCharacters": _LEAST_CHARACTERS_OF_WORDS if index.alphabetic else index.least,
        "titles": list(index.titles),
    }
    return _packed(*(_index_parts if kind == "index" else _hash_parts)(header, index))


def _index_parts(header, index):
    found = full_text_index(index)
    header |= {
        "rate": RATE,
        "starts": found.starts.tolist(),
        "symbols": len(found.symbols),
        "samples": len(found.samples),
        "levels": len(found.levels),
    }
    return header, [found.symbols, found.counts, found.samples, found.marks, found.levels]


def _hash_parts(header, index):
    header["window"] = header["leastCharacters"] - WINDOWS + 1
    starts = index.starts.tolist()
    texts = (index.index.bytes_at(begin, end - 1).decode() for begin, end in zip(starts, starts[1:], strict=False))
    books = hash_books(texts, header["window"])
    header["bits"] = [book.bits for book in books]
    header["hashes"] = [len(book.bytes) for book in books]
    return header, [part for book in books for part in (book.counts, book.bytes)]


def _packed(header: dict[str, Any], arrays: Sequence[np.ndarray]) -> bytes:
    described = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    parts = [np.array([len(described)], "<u4").tobytes(), described, *(array.tobytes() for array in arrays)]
    padded = b"".join(part + bytes(-len(part) % 4) for part in parts)
    return gzip.compress(padded, 6, mtime=0)

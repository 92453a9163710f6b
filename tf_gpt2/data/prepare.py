"""Prepares a corpus once and finds it in the cache afterwards.

Two passes. The first reads book by book, cleans, counts characters and writes the clean text to one file; the
second tokenises it with the vocabulary the counts gave. So memory holds one book at a time.
"""

import contextlib
import dataclasses
import gc
import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tf_gpt2.cache import prepared_corpus_folder
from tf_gpt2.corpus.cleaning import clean, replace_lone_surrogates
from tf_gpt2.corpus.counting import CharacterCounter
from tf_gpt2.corpus.reading import expand_corpus, read_books, read_file_bytes, shown
from tf_gpt2.corpus.report import CorpusReport, character_figures
from tf_gpt2.corpus.sample import sample_path
from tf_gpt2.corpus.script import check_script, convert_script
from tf_gpt2.corpus.separators import check_separator, count_marked_lines
from tf_gpt2.data.holding_out import Shares, hold_out
from tf_gpt2.data.spool import bpe_sample, write_tokens
from tf_gpt2.data.token_files import (
    FORMAT_VERSION,
    TEXT_NAME,
    Document,
    PreparedCorpus,
    new_prepared_folder,
    read_documents,
    read_prepared,
    token_dtype,
    write_index,
)
from tf_gpt2.errors import UserError
from tf_gpt2.files import sweep
from tf_gpt2.tokenizer import Tokenizer

TOKENIZER_KINDS = ("characters", "bpe")
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _Settings:
    """Everything besides the files that decides what is stored."""

    tokenizer_kind: str
    vocab_size: int
    min_char_count: int
    encoding: str | None
    script: str | None
    shares: Shares
    separator: str | None = None
    text_field: str | None = None

    def __post_init__(self):
        if self.tokenizer_kind not in TOKENIZER_KINDS:
            raise UserError(
                "`tokenizer_kind` must be characters or bpe, got "
                f"{self.tokenizer_kind!r}. Leave it out for characters."
            )
        check_script(self.script)
        check_separator(self.separator)


def prepare_corpus(
    corpus: str | os.PathLike | Sequence[str | os.PathLike] | None,
    *,
    tokenizer_kind: str = "characters",
    vocab_size: int = 16_000,
    min_char_count: int = 1,
    encoding: str | None = None,
    script: str | None = None,
    validation_fraction: float = 0.05,
    test_fraction: float | None = None,
    split_seed: int = 0,
    separator: str | None = None,
    text_field: str | None = None,
    tokenizer: Tokenizer | None = None,
    cache_dir: str | os.PathLike | None = None,
) -> PreparedCorpus:
    """Makes a corpus ready for training, or finds it ready.

    A part is held out as holding_out.py says. The vocabulary comes from the training part alone.

    Args:
        corpus: Files, folders and globs; none means the sample corpus.
        tokenizer_kind: "characters" or "bpe".
        vocab_size: Ids of a byte-level BPE vocabulary at most; characters take what there is.
        min_char_count: Characters seen fewer times are spelled in bytes; only for characters.
        encoding: Encoding of the text files; None recognises it.
        script: "simplified", "traditional" or None.
        validation_fraction: Share of the text for validation, 0 to below 1.
        test_fraction: Share of the text that no decision reads; None for 0.02 from 100,000 characters on.
        split_seed: Which texts are held out, where whole ones are.
        separator: Line that parts the texts of a plain text file; None reads it as one text.
        text_field: Field or column that holds the text, in files of records; None for "text".
        tokenizer: A tokenizer to use as it is (fine-tuning) instead of making one.
        cache_dir: Where prepared corpora are kept; None for the usual place.

    Raises:
        UserError: For every mistake in the arguments and the files, and when the cache cannot be
            written.
    """
    shares = Shares(validation_fraction, test_fraction, split_seed)
    settings = _Settings(
        tokenizer_kind, vocab_size, min_char_count, encoding, script, shares, separator, text_field
    )
    files = expand_corpus(corpus, encoding, text_field) if corpus else [sample_path(cache_dir)]
    folder = prepared_corpus_folder(_cache_key(files, settings, tokenizer), cache_dir)
    sweep(folder.parent)
    with _no_search_for_cycles():
        prepared = read_prepared(folder, from_cache=True)
        if prepared is None:
            with new_prepared_folder(folder) as partial:
                _prepare(partial, files, settings, tokenizer)
            prepared = read_prepared(folder, from_cache=False)
    if prepared is None:
        raise UserError(f"The prepared corpus {folder} must be readable after writing: it is not. Check the disk.")
    return prepared


@contextlib.contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """A million texts make millions of objects, none in a cycle: the search took a third of the time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _cache_key(files: Sequence[Path], settings: _Settings, tokenizer: Tokenizer | None) -> str:
    """A hash of all that decides the result: files, settings, tokenizer, format version."""
    own = dataclasses.asdict(settings)
    if tokenizer is not None or settings.tokenizer_kind != "bpe":
        own.pop("vocab_size")
    if tokenizer is not None or settings.tokenizer_kind != "characters":
        own.pop("min_char_count")
    if tokenizer is not None:
        own["tokenizer_kind"] = hashlib.sha256(tokenizer.to_json().encode()).hexdigest()
    key = hashlib.sha256(json.dumps([FORMAT_VERSION, own], sort_keys=True).encode())
    for path in files:
        digest = hashlib.sha256(read_file_bytes(path)).digest()
        # Surrogates stand for bytes of a file name that are not UTF-8.
        key.update(path.name.encode("utf-8", "surrogateescape") + b"\0" + digest)
    return key.hexdigest()[:32]


def _prepare(
    folder: Path,
    files: Sequence[Path],
    settings: _Settings,
    tokenizer: Tokenizer | None,
) -> None:
    spool = folder / TEXT_NAME
    everything, held_out = CharacterCounter(), CharacterCounter()
    documents, marked = _spool_books(spool, files, settings, everything)
    _count_held_out(spool, documents, held_out)
    if tokenizer is None:
        _log.info("making the vocabulary (%s)", settings.tokenizer_kind)
        counts = everything.counts() - held_out.counts()
        tokenizer = _make_tokenizer(spool, documents, settings, counts)
    _log.info("tokenising %s", f"{len(documents):,} text{'s' * (len(documents) != 1)}")
    dtype = token_dtype(tokenizer.vocab_size)
    books, layouts = write_tokens(folder, spool, documents, tokenizer, dtype)
    tokenizer.save(folder)
    ends = np.array([document.cuts for document in documents], np.int64).sum(axis=0)
    report = CorpusReport(
        books=tuple(books),
        validation_characters=int(ends[1] - ends[0]),
        test_characters=int(ends[2] - ends[1]),
        vocabulary_size=tokenizer.vocab_size,
        tokenizer_kind=tokenizer.kind,
        train_tokens=layouts["train"].tokens,
        validation_tokens=layouts["validation"].tokens,
        test_tokens=layouts["test"].tokens,
        marked_lines=marked,
        **character_figures(everything.counts(), tokenizer.has_token),
    )
    write_index(folder, report, documents, dtype, layouts)


def _spool_books(spool: Path, files, settings: _Settings, counter: CharacterCounter) -> tuple[list[Document], int]:
    """Writes the clean texts one after the other; how each is divided depends on all of them.

    Returns the documents and how many lines hold a mark that parts texts in other programs.
    """
    places, lengths, digests, offset, marked = [], [], [], 0, 0
    with spool.open("wb") as out:
        for number, path in enumerate(files, start=1):
            _log.info("reading %s (%d of %d)", shown(path.name), number, len(files))
            for book in read_books(
                path, settings.encoding, separator=settings.separator, text_field=settings.text_field
            ):
                marked += count_marked_lines(book.text)
                text = convert_script(clean(book.text), settings.script)
                if not text:
                    continue
                counter.add(text)
                data = text.encode()
                out.write(data)
                places.append((replace_lone_surrogates(book.title), offset, len(data)))
                lengths.append(len(text))
                digests.append(settings.shares.digest(data))
                offset += len(data)
    if not places:
        raise UserError(
            "`corpus` must hold some text: "
            f"{shown(files[0])}{' and the others are' if len(files) > 1 else ' is'} empty after cleaning. "
            "Pass files with text."
        )
    divided = zip(places, hold_out(lengths, digests, settings.shares), strict=True)
    return [Document(title, cuts, begin, size) for (title, begin, size), cuts in divided], marked


def _count_held_out(spool: Path, documents: Sequence[Document], counter: CharacterCounter) -> None:
    for document, text in read_documents(spool, [d for d in documents if d.cuts.train_end < d.cuts.characters]):
        counter.add(text[document.cuts.train_end :])


def _make_tokenizer(spool: Path, documents, settings: _Settings, counts: np.ndarray) -> Tokenizer:
    if settings.tokenizer_kind == "characters":
        return Tokenizer.from_character_counts(counts, settings.min_char_count)
    return Tokenizer.train_bpe(bpe_sample(spool, documents), settings.vocab_size)

"""Prepares a corpus once and finds it in the cache afterwards.

Two passes. The first reads the files, cleans, counts characters and writes the clean text to one file; the second
tokenises it with the vocabulary the counts gave. Memory holds some megabytes of text at a time, however large the
files are, and a preparation that was killed is gone on with.
"""

import contextlib
import gc
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tf_gpt2.cache import prepared_corpus_folder
from tf_gpt2.corpus.reading import shown
from tf_gpt2.data.holding_out import SPLITS, hold_out
from tf_gpt2.data.journal import Journal
from tf_gpt2.data.opening import open_prepared, prepared_place
from tf_gpt2.data.request import Settings, cache_key, settings_of, sources_of
from tf_gpt2.data.shards import shard_names
from tf_gpt2.data.sources import Source
from tf_gpt2.data.space import check_space
from tf_gpt2.data.spooling import Spooling
from tf_gpt2.data.summing_up import new_tokenizer, report_of
from tf_gpt2.data.text_table import (
    LENGTHS,
    LENGTHS_NAME,
    TABLE_NAME,
    TEXT_NAME,
    TITLES_NAME,
    Documents,
    TextTable,
    begun_table,
)
from tf_gpt2.data.token_files import TOKENIZER_NAME, PreparedCorpus, read_prepared, token_dtype, write_index
from tf_gpt2.data.token_writing import COUNTS_NAME, StreamLayout, TokenWriting, counts_file
from tf_gpt2.data.work_folder import move, work_folder
from tf_gpt2.errors import UserError
from tf_gpt2.files import sweep
from tf_gpt2.locations import AnyPath
from tf_gpt2.tokenizer import Tokenizer

_log = logging.getLogger(__name__)


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
    output: str | os.PathLike | None = None,
) -> PreparedCorpus:
    """Makes a corpus ready for training, or finds it ready.

    A part is held out as holding_out.py says. The vocabulary comes from the training part alone.

    Args:
        corpus: Files, folders and globs, addresses too (gs://, s3://, hdfs://); or one folder that was prepared
            elsewhere; none means the sample corpus.
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
        output: Folder in which it is looked for and made instead, under the name it would have in the cache.

    Raises:
        UserError: For every mistake in the arguments and the files, and when the cache cannot be
            written.
    """
    if (place := prepared_place(corpus)) is not None:
        return _opened(place, tokenizer_kind, tokenizer, cache_dir)
    settings = settings_of(
        tokenizer_kind=tokenizer_kind,
        vocab_size=vocab_size,
        min_char_count=min_char_count,
        encoding=encoding,
        script=script,
        validation_fraction=validation_fraction,
        test_fraction=test_fraction,
        split_seed=split_seed,
        separator=separator,
        text_field=text_field,
    )
    sources = sources_of(corpus, settings, cache_dir)
    key = cache_key(sources, settings, tokenizer)
    folder = prepared_corpus_folder(key, cache_dir) if output is None else Path(output).expanduser() / key
    sweep(folder.parent)
    with _no_search_for_cycles():
        prepared = read_prepared(folder, from_cache=True)
        if prepared is None:
            with work_folder(folder) as (work, new):
                _Preparation(work, sources, settings, tokenizer).run(new)
            prepared = read_prepared(folder, from_cache=False)
    if prepared is None:
        raise UserError(f"The prepared corpus {folder} must be readable after writing: it is not. Check the disk.")
    return prepared


def _opened(place: AnyPath, kind: str, tokenizer: Tokenizer | None, cache_dir) -> PreparedCorpus:
    """What was prepared elsewhere, where it has the tokens that are asked for."""
    prepared = open_prepared(place, cache_dir)
    own = prepared.tokenizer
    if (kind == "bpe" and own.kind != "bpe") if tokenizer is None else tokenizer.identity() != own.identity():
        wanted = "the tokenizer of the model to go on from" if tokenizer else "`tokenizer_kind`=bpe"
        raise UserError(
            f"A prepared corpus must have been prepared with {wanted}: {shown(place)} was with another "
            f"({own.kind}, {own.vocab_size:,}). Pass the texts themselves."
        )
    _log.info("%s is prepared: how its texts were read and divided stays as it is", shown(place))
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


class _Preparation:
    """One preparation in a folder, from its beginning or from where its journal says that it was."""

    def __init__(self, work: Path, sources: list[Source], settings: Settings, tokenizer: Tokenizer | None):
        self._work, self._sources, self._settings, self._tokenizer = work, sources, settings, tokenizer
        self._journal = Journal(work)

    def run(self, new: Path) -> None:
        """Leaves the files of the prepared corpus in `new`."""
        if self._journal.sections:
            _log.info("going on with a preparation that was stopped")
        else:
            check_space(self._work, self._sources, self._settings)
        spooling = self._read()
        everything = spooling.counter.counts()
        table = self._divided()
        documents = Documents(table)
        tokenizer = self._tokenizer_for(documents, everything)
        dtype = token_dtype(tokenizer.vocab_size)
        layouts = self._write_tokens(table, documents, tokenizer, dtype)
        report = report_of(table, tokenizer, layouts, spooling.marked, everything)
        table.rows.tofile(self._work / TABLE_NAME)
        shards = [name for split, layout in layouts.items() for name in shard_names(split, layout.tokens)]
        move(self._work, new, [*shards, TEXT_NAME, TITLES_NAME, TABLE_NAME])
        tokenizer.save(new)
        write_index(new, report, dtype, layouts, table)

    def _read(self) -> Spooling:
        spooling = Spooling(self._work, self._sources, self._settings.rules, self._journal)
        if spooling.run() and self._journal.sections:
            spooling.note()
        return spooling

    def _divided(self) -> TextTable:
        """The texts with where each is divided, which depends on all of them."""
        lengths = np.fromfile(self._work / LENGTHS_NAME, LENGTHS)
        cuts = hold_out(lengths["characters"].copy(), lengths["digest"].copy(), self._settings.shares)
        titles = np.fromfile(self._work / TITLES_NAME, np.uint8)
        return TextTable(begun_table(lengths, cuts), titles)

    def _tokenizer_for(self, documents: Documents, everything: np.ndarray) -> Tokenizer:
        if self._tokenizer is not None:
            return self._tokenizer
        if self._journal.sections and (self._work / TOKENIZER_NAME).exists():
            return Tokenizer.load(self._work)
        _log.info("making the vocabulary (%s)", self._settings.tokenizer_kind)
        made = new_tokenizer(self._settings, self._work / TEXT_NAME, documents, everything)
        if self._journal.sections:
            made.save(self._work)
        return made

    def _write_tokens(
        self, table: TextTable, documents: Documents, tokenizer: Tokenizer, dtype: np.dtype
    ) -> dict[str, StreamLayout]:
        _log.info("tokenising %s", f"{len(documents):,} text{'s' * (len(documents) != 1)}")
        counts = counts_file(self._work / COUNTS_NAME, len(documents))
        writing = TokenWriting(
            self._work, self._work / TEXT_NAME, documents, tokenizer, dtype, counts, self._journal
        )
        layouts = writing.run()
        for at, split in enumerate(SPLITS):
            table.rows[f"{split}_tokens"] = counts[:, at]
        return layouts

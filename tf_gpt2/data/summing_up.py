"""What follows from all texts together: the vocabulary, and the figures that a user is told."""

from collections.abc import Mapping, Sequence

import numpy as np

from tf_gpt2.corpus.counting import CharacterCounter
from tf_gpt2.corpus.report import CorpusReport, character_figures
from tf_gpt2.data.request import Settings
from tf_gpt2.data.spool import Spool, bpe_sample, count_held_out
from tf_gpt2.data.text_table import BookReports, Document, TextTable
from tf_gpt2.data.token_stream import StreamLayout
from tf_gpt2.tokenizer import Tokenizer


def new_tokenizer(
    settings: Settings, spool: Spool, documents: Sequence[Document], everything: np.ndarray
) -> Tokenizer:
    """The vocabulary of the training part.

    Args:
        settings: Its kind and size.
        spool: The clean texts.
        documents: Where they lie, and how they are divided.
        everything: Occurrences of every code point in all of them, int64 [0x110000].
    """
    if settings.tokenizer_kind == "bpe":
        return Tokenizer.train_bpe(bpe_sample(spool, documents), settings.vocab_size)
    held_out = CharacterCounter()
    count_held_out(spool, documents, held_out)
    return Tokenizer.from_character_counts(everything - held_out.counts(), settings.min_char_count)


def report_of(
    table: TextTable,
    tokenizer: Tokenizer,
    layouts: Mapping[str, StreamLayout],
    marked: int,
    everything: np.ndarray,
) -> CorpusReport:
    """The figures of a corpus.

    Args:
        table: Its texts, tokens counted.
        tokenizer: What made the tokens.
        layouts: What the shards of each split hold.
        marked: Lines with a mark of a text's beginning or end.
        everything: Occurrences of every code point, int64 [0x110000].
    """
    return CorpusReport(
        books=BookReports(table),
        **_held_out_characters(table.rows),
        vocabulary_size=tokenizer.vocab_size,
        tokenizer_kind=tokenizer.kind,
        **{f"{split}_tokens": layout.tokens for split, layout in layouts.items()},
        marked_lines=marked,
        **character_figures(everything, tokenizer.has_token),
    )


def _held_out_characters(rows: np.ndarray) -> dict[str, int]:
    ends = [int(rows[name].sum()) for name in ("train_end", "validation_end", "characters")]
    return {"validation_characters": ends[1] - ends[0], "test_characters": ends[2] - ends[1]}

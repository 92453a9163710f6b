"""What a user should know of the texts and the vocabulary before a training, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator

from tf_gpt2.corpus.report import CorpusReport
from tf_gpt2.corpus.script import is_alphabetic
from tf_gpt2.data.token_files import PreparedCorpus
from tf_gpt2.training.options import TrainingOptions

_SCRIPT_SAMPLE_TOKENS = 20_000
_LEAST_SHARE = 0.9  # of the characters, below which a vocabulary is not the text's


def advice(asked: TrainingOptions, prepared: PreparedCorpus) -> Iterator[str]:
    """What of the vocabulary does not suit the texts, with the remedy."""
    if asked.init_from is not None:
        yield from _of_a_foreign_vocabulary(prepared.report)
    elif asked.tokenizer is None and is_alphabetic(
        prepared.tokenizer.decode(prepared.train.tokens[:_SCRIPT_SAMPLE_TOKENS].tolist())
    ):
        yield (
            "this text is written in an alphabet, for which pieces of words serve better than characters: give "
            "`tokenizer`=bpe and a new `run_dir`, or `tokenizer`=characters if you mean them"
        )


def _of_a_foreign_vocabulary(report: CorpusReport) -> Iterator[str]:
    if report.vocabulary_share < _LEAST_SHARE:
        rest = "is unknown to it or in parts" if report.tokenizer_kind == "other" else "is spelled in bytes"
        yield (
            f"this model's vocabulary has {int(100 * report.vocabulary_share)} % of this text's characters; the "
            f"rest {rest}, which it has hardly seen: take a model of this language, or train a new one"
        )

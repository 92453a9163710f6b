"""What a prepared corpus is made of, and the name in the cache that follows from it."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence

from tf_gpt2.corpus.reading import expand_corpus
from tf_gpt2.corpus.sample import sample_path
from tf_gpt2.corpus.script import check_script
from tf_gpt2.corpus.separators import check_separator
from tf_gpt2.data.holding_out import Shares
from tf_gpt2.data.journal import Pace
from tf_gpt2.data.reading_tasks import Rules
from tf_gpt2.data.sources import Source, check_unchanged, reading
from tf_gpt2.errors import UserError
from tf_gpt2.locations import AnyPath, facts, pieces
from tf_gpt2.tokenizer import Tokenizer

# Part of the cache key: raise it when cleaning, splitting or tokenising change what is stored.
CONTENT_VERSION = 4
TOKENIZER_KINDS = ("characters", "bpe")


@dataclasses.dataclass(frozen=True)
class Settings:
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

    @property
    def rules(self) -> Rules:
        """How texts are read."""
        return Rules(self.encoding, self.script, self.separator, self.text_field, self.shares)


def settings_of(
    *,
    tokenizer_kind: str,
    vocab_size: int,
    min_char_count: int,
    encoding: str | None,
    script: str | None,
    validation_fraction: float,
    test_fraction: float | None,
    split_seed: int,
    separator: str | None,
    text_field: str | None,
) -> Settings:
    """The settings that follow from the arguments of `prepare_corpus`.

    Raises:
        UserError: One is not what it should be.
    """
    shares = Shares(validation_fraction, test_fraction, split_seed)
    return Settings(tokenizer_kind, vocab_size, min_char_count, encoding, script, shares, separator, text_field)


def sources_of(
    corpus: str | os.PathLike | Sequence[str | os.PathLike] | None,
    settings: Settings,
    cache_dir: str | os.PathLike | None = None,
) -> list[Source]:
    """The files that `corpus` names, as for `prepare_corpus`; none means the sample corpus.

    Raises:
        UserError: One is missing, or of no kind that is read.
    """
    files = expand_corpus(corpus, settings.encoding, settings.text_field) if corpus else [sample_path(cache_dir)]
    return [_source(path) for path in files]


def _source(path: AnyPath) -> Source:
    with reading(path):
        return Source(path, facts(path))


def cache_key(sources: Sequence[Source], settings: Settings, tokenizer: Tokenizer | None) -> str:
    """A hash of all that decides the result: files, settings, tokenizer, format version."""
    own = dataclasses.asdict(settings)
    if tokenizer is not None or settings.tokenizer_kind != "bpe":
        own.pop("vocab_size")
    if tokenizer is not None or settings.tokenizer_kind != "characters":
        own.pop("min_char_count")
    if tokenizer is not None:
        own["tokenizer_kind"] = hashlib.sha256(json.dumps(tokenizer.identity()).encode()).hexdigest()
    key = hashlib.sha256(json.dumps([CONTENT_VERSION, own], sort_keys=True).encode())
    pace, done = Pace("looked through", sum(source.facts.size for source in sources)), 0
    for source in sources:
        digest = hashlib.sha256()
        with reading(source.path):
            for piece in pieces(source.path):
                digest.update(piece)
                done += len(piece)
                pace.at(done)
        check_unchanged(source)
        # Surrogates stand for bytes of a file name that are not UTF-8.
        key.update(source.path.name.encode("utf-8", "surrogateescape") + b"\0" + digest.digest())
    return key.hexdigest()[:32]

"""Whether the disk has room for a corpus, said before the work begins."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tf_gpt2.corpus.reading import shown
from tf_gpt2.corpus.separators import split_texts
from tf_gpt2.data.journal import in_bytes
from tf_gpt2.data.request import Settings
from tf_gpt2.data.sources import Source, reading
from tf_gpt2.data.text_table import LENGTHS, TABLE
from tf_gpt2.data.token_files import token_dtype
from tf_gpt2.data.token_writing import COUNTS_BYTES
from tf_gpt2.errors import UserError
from tf_gpt2.locations import read_range

# Below this it is not worth a look: the rest of the work needs more.
_WORTH = 64 << 20
_SAMPLE = 1 << 16
_FILES = 20
# Tokens that a character gives at least, of texts in alphabets and others; measured on novels with 16,000 pieces.
_BPE_TOKENS = 0.22
_TABLES = LENGTHS.itemsize + COUNTS_BYTES + TABLE.itemsize  # bytes of a text, beside its title


def check_space(folder: Path, sources: Sequence[Source], settings: Settings) -> None:
    """Refuses a corpus that cannot be prepared on the disk of a folder.

    Raises:
        UserError: What text, tokens and tables of the texts take, estimated from the beginnings of some files, is
            more than is free.
    """
    size = sum(source.facts.size for source in sources)
    if size < _WORTH:
        return
    bpe = settings.tokenizer_kind == "bpe"
    characters, texts = _of_a_byte(sources, settings.separator)
    tokens = size * characters * (_BPE_TOKENS if bpe else 1)
    needed = size + tokens * token_dtype(settings.vocab_size if bpe else 0).itemsize
    needed += max(len(sources), size * texts) * _TABLES
    free = shutil.disk_usage(_existing(folder)).free
    if needed > free:
        raise UserError(
            f"Preparing `corpus` ({in_bytes(size)}) needs about {in_bytes(needed)} in the cache, {int(needed):,} "
            f"bytes: the disk of {shown(folder.parent)} has {free:,} free. Make room, or set TF_GPT2_CACHE to a "
            "folder on another disk."
        )


def _of_a_byte(sources: Sequence[Source], separator: str | None) -> tuple[float, float]:
    """Characters a byte, and texts a byte beside the first of each file, as far as they are easily told."""
    size = characters = texts = 0
    for source in sorted(sources, key=lambda source: -source.facts.size)[:_FILES]:
        with reading(source.path):
            data = read_range(source.path, 0, _SAMPLE)
        text, suffix = data.decode("utf-8", "ignore"), source.path.suffix.lower()
        size, characters = size + len(data), characters + len(text)
        if suffix in (".jsonl", ".ndjson"):
            texts += text.count("\n")
        elif separator and suffix in (".txt", ".md"):
            texts += sum(1 for _ in split_texts(text, separator)) - 1
    return (characters / size, max(0, texts) / size) if size else (1.0, 0.0)


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return Path(os.fspath(folder))

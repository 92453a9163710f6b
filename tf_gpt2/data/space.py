"""Whether the disk has room for a corpus, said before the work begins."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tf_gpt2.corpus.reading import shown
from tf_gpt2.data.journal import in_bytes
from tf_gpt2.data.sources import Source, reading
from tf_gpt2.data.token_files import token_dtype
from tf_gpt2.errors import UserError
from tf_gpt2.locations import read_range

# Below this it is not worth a look: the rest of the work needs more.
_WORTH = 64 << 20
_SAMPLE = 1 << 16
_FILES = 20
# Tokens that a character gives at least, of texts in alphabets and others; measured on novels with 16,000 pieces.
_BPE_TOKENS = 0.22


def check_space(folder: Path, sources: Sequence[Source], tokenizer_kind: str, vocab_size: int) -> None:
    """Refuses a corpus that cannot be prepared on the disk of a folder.

    Raises:
        UserError: What text and tokens take, estimated from the beginnings of some files, is more than is free.
    """
    size = sum(source.facts.size for source in sources)
    if size < _WORTH:
        return
    characters = size * _characters_a_byte(sources)
    tokens = characters * (_BPE_TOKENS if tokenizer_kind == "bpe" else 1)
    needed = size + tokens * token_dtype(vocab_size if tokenizer_kind == "bpe" else 0).itemsize
    free = shutil.disk_usage(_existing(folder)).free
    if needed > free:
        raise UserError(
            f"Preparing `corpus` ({in_bytes(size)}) needs about {in_bytes(needed)} in the cache, {int(needed):,} "
            f"bytes: the disk of {shown(folder.parent)} has {free:,} free. Make room, or set TF_GPT2_CACHE to a "
            "folder on another disk."
        )


def _characters_a_byte(sources: Sequence[Source]) -> float:
    data = b""
    for source in sorted(sources, key=lambda source: -source.facts.size)[:_FILES]:
        with reading(source.path):
            data += read_range(source.path, 0, _SAMPLE)
    try:
        return len(data.decode("utf-8", "ignore")) / len(data)
    except ZeroDivisionError:
        return 1.0


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return Path(os.fspath(folder))

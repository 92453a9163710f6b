"""A corpus that was prepared elsewhere: a folder of the cache, copied to another place here or to a bucket."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from tf_gpt2.cache import cache_folder
from tf_gpt2.corpus.reading import shown
from tf_gpt2.data.token_files import INDEX_NAME, SMALL_NAMES, PreparedCorpus, open_folder
from tf_gpt2.errors import UserError, shorten
from tf_gpt2.files import write_atomically
from tf_gpt2.locations import AnyPath, below, facts, inside, located, read_range
from tf_gpt2.run_directory import TOKENIZER_CONFIG_FILE

_NAME = re.compile("[0-9a-f]{32}")
_REMEDY = "Copy it again, or pass the texts themselves"


def prepared_place(corpus: str | os.PathLike | Sequence[str | os.PathLike] | None) -> AnyPath | None:
    """Where a prepared corpus lies that is named instead of texts; None where texts are named."""
    entries = [corpus] if isinstance(corpus, (str, os.PathLike)) else list(corpus or [])
    if len(entries) != 1:
        return None
    place = located(str(entries[0]).rstrip("/"))
    place = place.expanduser() if isinstance(place, Path) else place
    if not _NAME.fullmatch(place.name):
        return None
    try:
        facts(inside(place, INDEX_NAME))
    except OSError:
        return None
    return place


def open_prepared(place: AnyPath, cache_dir: str | os.PathLike | None = None) -> PreparedCorpus:
    """Opens a prepared corpus where it lies; of one at an address the small files are copied into the cache.

    Raises:
        UserError: A file is missing or damaged; on this machine by checksum, elsewhere the shards by their size.
    """
    try:
        if isinstance(place, Path):
            return open_folder(place, from_cache=True)
        folder = cache_folder(cache_dir) / "remote" / place.name
        for name in (INDEX_NAME, *SMALL_NAMES, TOKENIZER_CONFIG_FILE):
            file = below(place, name)
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / name, read_range(file, 0, facts(file).size))
        return open_folder(folder, from_cache=True, shards_at=place)
    except (OSError, ValueError) as error:  # pydantic's error, which has many lines, is a ValueError
        unreadable = f"{INDEX_NAME} is damaged" if hasattr(error, "errors") else str(error)
        reason = getattr(error, "strerror", None) or unreadable
    raise UserError(shorten(f"A prepared corpus must be whole: {shown(place)} is not ({reason}). {_REMEDY}."))

"""Finds the files behind `corpus` and reads each into books.

Kinds, told by the file name's extension in any case: .txt and .md (one book, or one a separator), .jsonl and .json
(one JSON object with a "text" field, or one string, a line or an item of a list; each a book), .csv and .tsv (a
book a row) and .epub (one book).
"""

import dataclasses
import glob
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tf_gpt2.corpus import epub
from tf_gpt2.corpus.cleaning import replace_lone_surrogates
from tf_gpt2.corpus.decoding import decode
from tf_gpt2.corpus.folders import files_in, outside_made
from tf_gpt2.corpus.records import RECORD_KINDS, ForeignFile, read_records
from tf_gpt2.corpus.separators import split_texts
from tf_gpt2.errors import UserError
from tf_gpt2.locations import AnyPath, RemotePath, facts, found_at, is_address, read_range

_PLAIN_KINDS = (".txt", ".md")
EXTENSIONS = (*_PLAIN_KINDS, *RECORD_KINDS, ".epub")
_KINDS = ", ".join(EXTENSIONS)
# What holds text, but not in a form that is read here.
_DOCUMENTS = re.compile(
    r"\.(docx?|odt|rtf|pdf|mobi|azw3?|fb2|djvu|pages|wps|x?html?|xml|tex|xlsx?|ods|parquet|zip|rar|7z|gz|bz2|xz|tar)"
)
# Larger .json and tables of a folder are taken for texts unread: metadata is small.
_METADATA_BYTES = 16 << 20
_SHOWN_PATH, _SHOWN_SKIPPED = 120, 5
_LONGEST_TITLE = 200
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Book:
    """One document.

    Attributes:
        title: For people: the file name without extension, or the title the file gives.
        text: The text as decoded, not yet cleaned.
        source: Path of the file, with a record number where a file holds several documents.
    """

    title: str
    text: str
    source: str


def shown(path: str | os.PathLike | AnyPath) -> str:
    """A path for people: what of its bytes is not UTF-8 as U+FFFD, and its end where it is very long."""
    text = replace_lone_surrogates(str(path))
    return text if len(text) <= _SHOWN_PATH else "…" + text[-_SHOWN_PATH:]


def changed(path: str | os.PathLike | AnyPath) -> str:
    """What to say of a file that is another one than it was."""
    return (
        f"`corpus` file {shown(path)} must stay as it is while it is read: it changed meanwhile. Start again when "
        "what writes it has ended."
    )


def expand_corpus(
    entries: str | os.PathLike | Iterable[str | os.PathLike],
    encoding: str | None = None,
    text_field: str | None = None,
) -> list[AnyPath]:
    """The files behind one or several files, folders (searched recursively) and globs (`**` included).

    The order is that of the entries and alphabetical inside each. A file reached twice counts once.
    In folders and globs, hidden files, files of other kinds, records that hold no texts and folders that this
    program made (a run, say) are passed over, and the log says which; a file named outright must be of a known
    kind.

    Args:
        entries: What the user named.
        encoding: Encoding of the files, None for recognising it.
        text_field: Field or column that holds the text, None for "text".

    Raises:
        UserError: An entry leads to no file, or names a file of an unknown kind.
    """
    found: dict[str, AnyPath] = {}
    skipped: list[str] = []
    for entry in map(str, [entries] if isinstance(entries, (str, os.PathLike)) else entries):
        if not entry.strip():
            raise UserError(
                "`corpus` must name files, folders or globs: an entry is empty. Remove the extra comma."
            )
        try:
            for path in _expand_entry(entry, encoding, text_field, skipped):
                found.setdefault(str(path.resolve()) if isinstance(path, Path) else str(path), path)
        except (OSError, ValueError, RuntimeError) as error:  # a name too long, a zero in it, links in a circle
            if isinstance(error, UserError):
                raise
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"`corpus` {shown(entry)} cannot be read: {reason}. Check the path.") from None
    if not found:
        raise UserError("`corpus` must name at least one file: none was given. Pass a file, a folder or a glob.")
    if skipped:
        more = len(skipped) - _SHOWN_SKIPPED
        _log.info("skipped %s%s", "; ".join(skipped[:_SHOWN_SKIPPED]), f"; and {more:,} more" if more > 0 else "")
    return list(found.values())


def _expand_entry(
    entry: str, encoding: str | None, text_field: str | None, skipped: list[str]
) -> Sequence[AnyPath]:
    path = Path(entry).expanduser()
    candidates: Sequence[AnyPath]
    made: dict[Path, str] = {}
    if is_address(entry):
        candidates, rule = found_at(entry), (shown(entry), "hold", "holds")
        if len(candidates) == 1 and str(candidates[0]) == entry:
            return [_of_known_kind(candidates[0])]
    elif path.is_dir():
        candidates, rule = files_in(path, made, _unreadable), (f"folder {shown(path)}", "hold", "holds")
    elif path.exists() or not glob.has_magic(entry):
        return [_named_file(path)]
    else:
        matches = sorted(map(Path, glob.glob(str(path), recursive=True)))
        candidates, rule = list(outside_made(matches, path, made)), (shown(entry), "match", "matches")
    before = len(skipped)
    skipped += [f"folder {shown(folder)} ({kind})" for folder, kind in made.items()]
    files = [
        file
        for file in candidates
        if (isinstance(file, RemotePath) or file.is_file()) and _is_wanted(file, encoding, text_field, skipped)
    ]
    if not files:
        reasons = f" ({skipped[before][:150]})" if len(skipped) > before else ""
        raise UserError(
            f"`corpus` {rule[0]} must {rule[1]} at least one file of a known kind ({_KINDS}): it {rule[2]} none"
            f"{reasons}. Put the texts there or name another folder."
        )
    return files


def _unreadable(error: OSError) -> None:
    raise UserError(
        f"`corpus` folder {shown(error.filename)} cannot be read: {error.strerror}. Check its permissions."
    )


def _is_wanted(path: AnyPath, encoding: str | None, text_field: str | None, skipped: list[str]) -> bool:
    """Whether a file of a folder holds texts; adds to `skipped` what a user might have meant to be read."""
    suffix = path.suffix.lower()
    if path.name.startswith("."):
        return False
    if suffix not in EXTENSIONS:
        if _DOCUMENTS.fullmatch(suffix):
            skipped.append(f"{shown(path.name)} (convert it to .txt)")
        return False
    if suffix in RECORD_KINDS and facts(path).size <= _METADATA_BYTES:
        try:
            next(read_books(path, encoding, text_field=text_field), None)
        except ForeignFile as error:
            _, _, reason = str(error).rpartition(shown(path))
            skipped.append(f"{shown(path.name)} (no texts:{reason.partition('. ')[0]})")
            return False
        except UserError:  # said when its turn comes to be read
            pass
    return True


def _named_file(path: Path) -> AnyPath:
    if not path.exists():
        raise UserError(f"`corpus` must name something that exists: {shown(path)} does not. Check the path.")
    return _of_known_kind(path)


def _of_known_kind(path: AnyPath) -> AnyPath:
    if path.suffix.lower() not in EXTENSIONS:
        raise UserError(f"`corpus` reads {_KINDS}: {shown(path)} is none of these. Convert it to plain text first.")
    return path


def read_file_bytes(path: AnyPath) -> bytes:
    """The bytes of a corpus file.

    Raises:
        UserError: The file cannot be read, or is none: devices and pipes have no end.
    """
    try:
        return read_range(path, 0, facts(path).size)
    except (OSError, MemoryError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "it does not fit into memory"
        raise UserError(
            f"`corpus` file {shown(path)} cannot be read: {reason}. Check it and its permissions."
        ) from error


def read_books(
    path: AnyPath,
    encoding: str | None = None,
    data: bytes | None = None,
    *,
    separator: str | None = None,
    text_field: str | None = None,
) -> Iterator[Book]:
    """Reads one file, book by book.

    Args:
        path: A file of one of the known kinds.
        encoding: The user's --encoding; EPUB files state their own, which counts.
        data: The file's bytes where the caller has them already.
        separator: Line that parts the texts of a plain text file; None reads it as one.
        text_field: Field or column that holds the text of a record; None for "text".

    Raises:
        UserError: The file is not what its extension says, or cannot be decoded.
    """
    data = read_file_bytes(path) if data is None else data
    suffix, source, stem = path.suffix.lower(), shown(path), replace_lone_surrogates(path.stem)
    if suffix == ".epub":
        title, text = epub.read_epub(data, source)
        yield Book(title_line(title) or stem, text, source)
        return
    text = decode(data, source, encoding)
    if suffix in RECORD_KINDS:
        for record in read_records(text, suffix, source, text_field):
            yield Book(
                (record.title and title_line(record.title)) or f"{stem} {record.number}",
                record.text,
                f"{source} {record.where}",
            )
    elif separator:
        for number, part in enumerate(split_texts(text, separator), start=1):
            yield Book(f"{stem} {number}", part, f"{source} text {number}")
    else:
        yield Book(stem, text, source)


def title_line(text: str) -> str:
    """A title that a file gives, as one line that is not too long."""
    return " ".join(replace_lone_surrogates(text).split())[:_LONGEST_TITLE]

"""Finds the files behind `corpus` and reads each into books.

Kinds, told by the file name's extension: .txt (one book), .jsonl (one JSON object with a "text"
field, or one string, a line; each a book), .json (a list of such, the form of GPT2-Chinese's
train.json) and .epub (one book).
"""

import dataclasses
import glob
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tf_gpt2.corpus import epub
from tf_gpt2.corpus.decoding import decode
from tf_gpt2.errors import UserError

EXTENSIONS = (".txt", ".jsonl", ".json", ".epub")
_KINDS = ", ".join(EXTENSIONS)


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


def expand_corpus(entries: str | os.PathLike | Iterable[str | os.PathLike]) -> list[Path]:
    """The files behind one or several files, folders (searched recursively) and globs (`**` included).

    The order is that of the entries and alphabetical inside each. A file reached twice counts once.
    In folders and globs, hidden files and files of other kinds are passed over; a file named
    outright must be of a known kind.

    Raises:
        UserError: An entry leads to no file, or names a file of an unknown kind.
    """
    found: dict[Path, Path] = {}
    for entry in map(str, [entries] if isinstance(entries, (str, os.PathLike)) else entries):
        if not entry.strip():
            raise UserError(
                "`corpus` must name files, folders or globs: an entry is empty. Remove the extra comma."
            )
        for path in _expand_entry(entry):
            found.setdefault(path.resolve(), path)
    if not found:
        raise UserError("`corpus` must name at least one file: none was given. Pass a file, a folder or a glob.")
    return list(found.values())


def _expand_entry(entry: str) -> list[Path]:
    path = Path(entry).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        return [_named_file(path)]
    if not glob.has_magic(entry):
        raise UserError(f"`corpus` must name something that exists: {entry} does not. Check the path.")
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    files = [match for match in matches if match.is_file() and _is_text_kind(match)]
    if not files:
        raise UserError(
            f"`corpus` {entry} must match at least one file of a known kind ({_KINDS}): it matches none."
        )
    return files


def _in_folder(folder: Path) -> list[Path]:
    files = []
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=_unreadable):
        # Sorted here, so that the walk and with it the corpus come in the same order everywhere. A
        # link that leads back up would make the walk endless.
        folders[:] = sorted(name for name in folders if _is_safe_folder(Path(parent, name)))
        files += [Path(parent, name) for name in sorted(names) if _is_text_kind(Path(name))]
    files = [path for path in files if path.is_file()]
    if not files:
        raise UserError(
            f"`corpus` folder {folder} must hold at least one file of a known kind ({_KINDS}): it "
            "holds none. Put the novels there or name another folder."
        )
    return files


def _unreadable(error: OSError) -> None:
    raise UserError(f"`corpus` folder {error.filename} cannot be read: {error.strerror}. Check its permissions.")


def _is_safe_folder(folder: Path) -> bool:
    if folder.name.startswith("."):
        return False
    return not folder.is_symlink() or not folder.parent.resolve().is_relative_to(folder.resolve())


def _is_text_kind(path: Path) -> bool:
    return not path.name.startswith(".") and path.suffix.lower() in EXTENSIONS


def _named_file(path: Path) -> Path:
    if path.suffix.lower() not in EXTENSIONS:
        raise UserError(f"`corpus` reads {_KINDS}: {path} is none of these. Convert it to plain text first.")
    return path


def read_file_bytes(path: Path) -> bytes:
    """The bytes of a corpus file.

    Raises:
        UserError: The file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"`corpus` file {path} cannot be read: {error.strerror}. Check it and its permissions."
        ) from error


def read_books(path: Path, encoding: str | None = None, data: bytes | None = None) -> Iterator[Book]:
    """Reads one file, book by book.

    Args:
        path: A file of one of the known kinds.
        encoding: The user's --encoding; EPUB files state their own, which counts.
        data: The file's bytes where the caller has them already.

    Raises:
        UserError: The file is not what its extension says, or cannot be decoded.
    """
    data = read_file_bytes(path) if data is None else data
    suffix, source = path.suffix.lower(), str(path)
    if suffix == ".epub":
        title, text = epub.read_epub(data, source)
        yield Book(title or path.stem, text, source)
    elif suffix == ".jsonl":
        yield from _read_jsonl(path, decode(data, source, encoding))
    elif suffix == ".json":
        yield from _read_json(path, decode(data, source, encoding))
    else:
        yield Book(path.stem, decode(data, source, encoding), source)


def _read_jsonl(path: Path, text: str) -> Iterator[Book]:
    # Not splitlines(): JSON strings may hold U+2028 and the like as they are.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _record(path, f"line {number}", number, _parse_json(line, f"{path} line {number}"))


def _read_json(path: Path, text: str) -> Iterator[Book]:
    records = _parse_json(text, str(path))
    if not isinstance(records, list):
        raise UserError(
            f"A .json corpus must be a list of texts: {path} holds {_describe(records)}. Write a "
            "list of strings, or one object a line as .jsonl."
        )
    for number, record in enumerate(records, start=1):
        yield _record(path, f"item {number}", number, record)


def _parse_json(text: str, where: str):
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        position = f"line {error.lineno} column {error.colno}"
        raise UserError(f"A JSON corpus must be valid JSON: {where} is not ({error.msg} at {position}).") from None
    except (RecursionError, ValueError) as error:
        raise UserError(f"A JSON corpus must be a flat list of texts: {where} is not ({error}).") from None


def _record(path: Path, where: str, number: int, record) -> Book:
    text = record.get("text") if isinstance(record, dict) else record
    if not isinstance(text, str):
        have = f"an object with fields {sorted(record)[:8]}" if isinstance(record, dict) else _describe(record)
        raise UserError(
            f'Each record of a JSON corpus must be a string or an object with a "text" string: '
            f"{path} {where} is {have}."
        )
    title = record.get("title") if isinstance(record, dict) else None
    title = title if isinstance(title, str) and title.strip() else f"{path.stem} {number}"
    return Book(" ".join(title.split()), text, f"{path} {where}")


def _describe(value) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "a truth value",
        type(None): "null",
    }
    return names.get(type(value), "a number")

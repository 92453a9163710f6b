"""Reads an EPUB: the chapters in the order of its spine, as plain text.

Nothing is unpacked to disk and names are only looked up inside the archive, so paths cannot lead
out of it. Entity declarations are refused before any XML parser sees them, and what is unpacked is
bounded. Container and package document: EPUB 3.3, https://www.w3.org/TR/epub-33/.
"""

import io
import lzma
import posixpath
import re
import struct
import urllib.parse
import xml.etree.ElementTree as ET
import zipfile
import zlib

from tf_gpt2.corpus.decoding import decode
from tf_gpt2.corpus.markup import markup_text
from tf_gpt2.errors import UserError

MAX_MEMBER_BYTES = 64 << 20
MAX_TOTAL_BYTES = 512 << 20
# Text unpacks to four times its size or so. What unpacks to far more is made to take time.
FREE_BYTES, MAX_RATIO = 2 << 20, 8
# A tree of elements takes some hundred bytes for every one.
MAX_PACKAGE_CHARACTERS = 3 << 20
# What zipfile and its decompressors raise on damaged archives, and ElementTree on damaged trees.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
    LookupError,
    RuntimeError,
    OverflowError,
    MemoryError,
    AssertionError,
    TypeError,
)
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_DECLARED = re.compile(rb"""\A[^>]{0,200}encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def read_epub(data: bytes, source: str) -> tuple[str, str]:
    """The title (empty when it has none) and the text of an EPUB file.

    Args:
        data: The bytes of the file.
        source: Its name for messages.

    Raises:
        UserError: The file is no EPUB, is encrypted, is damaged, or unpacks to too much.
    """
    try:
        archive = _Archive(zipfile.ZipFile(io.BytesIO(data)), source, len(data))
        package_name = _package_name(archive)
        package = archive.xml(package_name)
        pages = list(dict.fromkeys(_spine(archive, package, posixpath.dirname(package_name))))  # none comes twice
        _refuse_encrypted(archive, pages)
        text = "\n".join(markup_text(archive.page(name)) for name in pages)
    except _DAMAGE as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"An .epub file must be a sound EPUB: {source} is not ({str(error)[:100] or type(error).__name__}). "
            "Download it again."
        ) from error
    title = next((e.text or "" for e in package.iter() if _local(e) == "title"), "")
    return " ".join(title.split()), text


class _Archive:
    """A zip archive that hands out bounded amounts."""

    def __init__(self, archive: zipfile.ZipFile, source: str, size: int):
        self.archive, self.source = archive, source
        self.limit = self.left = min(MAX_TOTAL_BYTES, FREE_BYTES + MAX_RATIO * size)
        self.names = frozenset(archive.namelist())

    def read(self, name: str) -> bytes:
        if name not in self.names:
            raise UserError(
                f"An .epub must hold the files it lists: {self.source} lacks {_short(name)}. Download it again."
            )
        info = self.archive.getinfo(name)
        if info.flag_bits & 1:
            raise UserError(f"An .epub must not be encrypted: {self.source} is. Use a copy without a password.")
        # The size in the directory may lie, so the bytes are counted as they come.
        limit = min(MAX_MEMBER_BYTES, self.left)
        with self.archive.open(info) as member:
            data = member.read(limit + 1)
        if len(data) > limit:
            raise UserError(
                f"An .epub of this size must unpack to at most {self.limit >> 20} MB and each page to at most "
                f"{MAX_MEMBER_BYTES >> 20} MB: {_short(name)} in {self.source} goes beyond. Convert it to .txt."
            )
        self.left -= len(data)
        return data

    def xml(self, name: str) -> ET.Element:
        # Parsed from the decoded string, so that no declared encoding can hide a declaration from
        # this search.
        text = self.page(name)
        if len(text) > MAX_PACKAGE_CHARACTERS:
            raise UserError(
                f"The lists of an .epub must have at most {MAX_PACKAGE_CHARACTERS:,} characters: {_short(name)} in "
                f"{self.source} has {len(text):,}. Convert the book to .txt."
            )
        if "<!ENTITY" in text:
            raise UserError(
                f"An .epub must not declare XML entities: {_short(name)} in {self.source} does. Use .txt instead."
            )
        try:
            return ET.fromstring(text)
        except ET.ParseError as error:
            raise ValueError(f"{_short(name)}: {error}") from error

    def page(self, name: str) -> str:
        data = self.read(name)
        declared = _DECLARED.match(data)
        encoding = declared.group(1).decode() if declared else None
        return decode(data, f"{_short(name)} in {self.source}", encoding)


def _package_name(archive: _Archive) -> str:
    if _CONTAINER not in archive.names:
        raise UserError(f"An .epub must hold {_CONTAINER}: {archive.source} does not, so it is no EPUB.")
    for element in archive.xml(_CONTAINER).iter():
        if _local(element) == "rootfile" and (path := element.get("full-path")):
            return path
    raise ValueError(f"{_CONTAINER} names no package document")


def _spine(archive: _Archive, package: ET.Element, folder: str):
    """Names of the pages in reading order, without table of contents and auxiliary pages."""
    items = {e.get("id"): e for e in package.iter() if _local(e) == "item"}
    for reference in (e for e in package.iter() if _local(e) == "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or reference.get("linear") == "no" or item.get("media-type") not in _PAGES:
            continue
        if "nav" not in (item.get("properties") or "").split():
            yield _resolve(folder, item.get("href") or "")


def _resolve(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, urllib.parse.unquote(href.split("#")[0])))


def _refuse_encrypted(archive: _Archive, pages: list[str]) -> None:
    """Encrypted fonts are common and harmless; encrypted pages mean copy protection."""
    if _ENCRYPTION not in archive.names:
        return
    references = (e for e in archive.xml(_ENCRYPTION).iter() if _local(e) == "CipherReference")
    encrypted = {_resolve("", e.get("URI") or "") for e in references}
    if encrypted & set(pages):
        raise UserError(
            f"An .epub must not be encrypted: {archive.source} has copy protection. Use a copy without."
        )


def _short(name: str) -> str:
    """A name inside the archive for a message."""
    return repr(name if len(name) <= 80 else "…" + name[-80:])


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""

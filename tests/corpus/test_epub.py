"""EPUB: reading order, paragraphs, and the tricks a zip file can play."""

import io
import random
import time
import zipfile

import pytest

from tf_gpt2.corpus import epub
from tf_gpt2.errors import UserError

CONTAINER = """<?xml version="1.0"?><container version="1.0"
 xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
 <rootfile full-path="OEBPS/content.opf"
 media-type="application/oebps-package+xml"/></rootfiles></container>"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?><package
 xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>射雕
 外传</dc:title></metadata><manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="c1" href="text/%E4%B8%80.xhtml" media-type="application/xhtml+xml"/>
<item id="c2" href="two.xhtml#start" media-type="application/xhtml+xml"/>
<item id="note" href="note.xhtml" media-type="application/xhtml+xml"/>
<item id="css" href="style.css" media-type="text/css"/></manifest>
<spine><itemref idref="nav"/><itemref idref="c2"/><itemref idref="c1"/><itemref idref="css"/>
<itemref idref="note" linear="no"/></spine></package>"""
TWO = """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">
<head><title>no</title><style>p {}</style></head><body><script>alert("no")</script><h1>第一回</h1>
<p>话说<b>天下</b>大势，
   分久必合。</p><p>It was<br/>the&nbsp;best &lt;of&gt;
times<ruby>漢<rt>かん</rt></ruby></p></body></html>"""
FILES = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OEBPS/content.opf": PACKAGE,
    "OEBPS/two.xhtml": TWO,
    "OEBPS/text/一.xhtml": "<html><body><p>第二回<p>合久必分。</body></html>",
    "OEBPS/nav.xhtml": "<html><body>table of contents</body></html>",
    "OEBPS/note.xhtml": "<html><body>a note</body></html>",
}


def _epub(**changes):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**FILES, **changes}.items():
            if content is not None:
                archive.writestr(name, content)
    return buffer.getvalue()


def test_pages_come_in_spine_order_as_paragraphs():
    title, text = epub.read_epub(_epub(), "book.epub")
    assert title == "射雕 外传"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    expected = [
        "第一回",
        "话说天下大势，分久必合。",
        "It was",
        "the\xa0best <of> times漢",
        "第二回",
        "合久必分。",
    ]
    assert lines == expected


def test_pages_in_other_encodings():
    page = '<?xml version="1.0" encoding="gb2312"?><html><p>话说天下大势</p></html>'.encode("gb2312")
    assert "话说天下大势" in epub.read_epub(_epub(**{"OEBPS/two.xhtml": page}), "b")[1]
    page = "<html><body><p>话说天下大势</p></body></html>".encode("utf-16")
    assert "话说天下大势" in epub.read_epub(_epub(**{"OEBPS/two.xhtml": page}), "b")[1]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_declarations_are_refused(encoding):
    package = PACKAGE.replace('encoding="utf-8"?>', f'encoding="{encoding}"?>{BOMB}').encode(encoding)
    with pytest.raises(UserError, match="XML entities"):
        epub.read_epub(_epub(**{"OEBPS/content.opf": package}), "book.epub")


def test_entities_of_a_page_are_not_expanded():
    page = f"{BOMB}<html><body><p>话&b;说</p></body></html>"
    assert "aaaa" not in epub.read_epub(_epub(**{"OEBPS/two.xhtml": page}), "b")[1].replace('"aaaa"', "")


def test_zip_bombs_are_refused(monkeypatch):
    monkeypatch.setattr(epub, "MAX_MEMBER_BYTES", 1 << 20)
    monkeypatch.setattr(epub, "FREE_BYTES", 16 << 20)
    with pytest.raises(UserError, match="at most"):
        epub.read_epub(_epub(**{"OEBPS/two.xhtml": "好" * 1_000_000}), "book.epub")
    monkeypatch.setattr(epub, "MAX_TOTAL_BYTES", 2000)
    with pytest.raises(UserError, match="at most"):
        epub.read_epub(_epub(**{"OEBPS/two.xhtml": "a" * 1500}), "book.epub")


@pytest.mark.parametrize("href", ["../../../../etc/passwd", "/etc/passwd", "missing.xhtml"])
def test_paths_lead_nowhere_outside_the_archive(href):
    with pytest.raises(UserError, match="lacks"):
        epub.read_epub(_epub(**{"OEBPS/content.opf": PACKAGE.replace("two.xhtml#start", href)}), "book.epub")


def test_encrypted_pages_are_refused_and_encrypted_fonts_are_not():
    entry = '<encryption><CipherReference URI="{}"/></encryption>'
    with pytest.raises(UserError, match="copy protection"):
        epub.read_epub(_epub(**{"META-INF/encryption.xml": entry.format("OEBPS/two.xhtml")}), "book.epub")
    epub.read_epub(_epub(**{"META-INF/encryption.xml": entry.format("OEBPS/font.otf")}), "book.epub")


def test_zip_passwords_are_refused():
    data = bytearray(_epub())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1  # the flag for encryption in the directory entry
        at = data.find(b"PK\x01\x02", at + 4)
    with pytest.raises(UserError, match="encrypted"):
        epub.read_epub(bytes(data), "book.epub")


@pytest.mark.parametrize(
    "data",
    [b"", b"no zip at all", _epub()[:400], _epub(**{"META-INF/container.xml": None}),
     _epub(**{"OEBPS/content.opf": "<package>"}),
     _epub(**{"META-INF/container.xml": "<container/>"}),
     _epub(**{"OEBPS/content.opf": None})],
)  # fmt: skip
def test_what_is_no_epub_is_refused_with_one_line(data):
    with pytest.raises(UserError, match="book.epub") as caught:
        epub.read_epub(data, "book.epub")
    assert "\n" not in str(caught.value)


def test_damaged_bytes_are_refused():
    data = bytearray(_epub())
    at = data.find(b"OEBPS/two.xhtml") + 20
    data[at : at + 30] = b"\xff" * 30
    with pytest.raises(UserError, match="book.epub"):
        epub.read_epub(bytes(data), "book.epub")


def _answered(data, seconds=5.0):
    """Reads an EPUB; whatever is wrong with it must be said in one line, soon."""
    begin = time.process_time()
    try:
        epub.read_epub(data, "book.epub")
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) <= 500
    assert time.process_time() - begin < seconds


@pytest.mark.parametrize(
    "page",
    ["<a " * 300_000, "<a b='" * 200_000, "漢" + " " * 900_000 + "x", "\t" * 900_000 + "漢", "<svg><b>" * 100_000,
     "<script>" * 100_000, "<![if x]" * 100_000, "<!--" * 200_000, "&#" + "9" * 900_000, "<" + "a" * 900_000],
)  # fmt: skip
def test_no_page_takes_more_than_linear_time(page):
    _answered(_epub(**{"OEBPS/two.xhtml": page}))


def test_a_page_listed_a_hundred_thousand_times_is_read_once():
    reference = '<itemref idref="c2"/>'
    _answered(_epub(**{"OEBPS/content.opf": PACKAGE.replace(reference, reference * 100_000)}))


def test_a_package_document_of_brackets_is_answered():
    for content in ("<a>" * 900_000, "<a>" * 400_000 + "</a>" * 400_000, "<a " + "b='' " * 400_000):
        _answered(_epub(**{"OEBPS/content.opf": content}))


def test_what_unpacks_to_a_thousand_times_its_size_is_refused():
    with pytest.raises(UserError, match="must unpack to at most 2 MB"):
        epub.read_epub(_epub(**{"OEBPS/two.xhtml": "<p>" * 1_500_000}), "book.epub")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_damage_of_every_kind_of_compression_is_one_line(method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    sound, draw = buffer.getvalue(), random.Random(int(method))
    for _ in range(150):
        data = bytearray(sound)
        for _ in range(draw.randint(1, 8)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        _answered(bytes(data))


def test_a_long_name_is_cut_in_the_message():
    with pytest.raises(UserError, match="lacks '…a+'") as caught:
        epub.read_epub(
            _epub(**{"OEBPS/content.opf": PACKAGE.replace("two.xhtml#start", "a" * 60_000)}), "book.epub"
        )
    assert len(str(caught.value)) < 500

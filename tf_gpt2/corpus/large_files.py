"""How a file that is too large to be read at once is to be read: in which encoding, and as what.

The rules are those of `decoding.decode` and `cleaning.clean`, which hold the whole text: the encoding is recognised
by samples, then the *whole* file has to decode strictly, block by block, before anything is made of it.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from tf_gpt2.corpus import decoding
from tf_gpt2.corpus.cleaning import is_east_asian, middle_sample, visible, visible_length
from tf_gpt2.corpus.cutting import STATEFUL, Block, text_blocks
from tf_gpt2.corpus.encoding_forms import find_utf_8, seven_bit_encoding
from tf_gpt2.corpus.reading import changed
from tf_gpt2.corpus.script import is_in_script
from tf_gpt2.errors import UserError
from tf_gpt2.locations import AnyPath, pieces, read_range

LARGE = 32 << 20  # bytes from which a file is read in blocks
_SAMPLE = 2 << 20
_PIECE = 1 << 20


@dataclasses.dataclass(frozen=True)
class Layout:
    """What is known of a large file before it is read.

    Attributes:
        codec: Name of the codec that decodes it.
        begin: First byte of text, after a byte order mark.
        end: Where its text ends, before zeros that a download left.
        east_asian: Whether it is cleaned as Chinese or Japanese text.
        in_script: Whether its characters are to be left as they are.
    """

    codec: str
    begin: int
    end: int
    east_asian: bool = False
    in_script: bool = True


class Measured(NamedTuple):
    """What a block was found to be: characters it has when `visible`; where it does not decode; UTF-8 in it."""

    characters: int
    damage: int | None = None
    utf_8: int | None = None
    seven_bit: bool = False


Measure = Callable[[str, Iterable[Block]], Iterator[Measured]]


def measure_block(data: bytes, codec: str) -> Measured:
    """Decodes a block strictly and looks for what tells of another encoding."""
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        return Measured(0, damage=error.start)
    other = None if codec.startswith("utf") else find_utf_8(data, codec)
    escapes = (
        codec == "utf-8" and (b"\x1b" in data or b"~{" in data) and seven_bit_encoding(data, _PIECE) is not None
    )
    return Measured(visible_length(text), None, other, escapes)


def lay_out(
    path: AnyPath, size: int, source: str, encoding: str | None, script: str | None, measure: Measure
) -> Layout:
    """Finds how to read a file.

    Args:
        path: The file.
        size: Its bytes.
        source: Its name for messages.
        encoding: What the user says it is in; None recognises it.
        script: What it is to be converted to, of `script.SCRIPTS`; None for nothing.
        measure: Gives what `measure_block` finds in blocks of the file, in order, in a codec.

    Raises:
        UserError: Its encoding is unknown, unclear, kept from line to line, or not that of all bytes; or it changes
            meanwhile.
        OSError: It cannot be read.
    """
    head = read_range(path, 0, _SAMPLE)
    begin, codecs, told = _candidates(head, encoding)
    if not told and not begin:
        decoding.refuse_foreign_formats(head, source)
    end = size if told or begin else _without_padding(path, size, head)
    if codecs is None and not decoding.CONTROLS.search(head, 0, decoding.SAMPLE_BYTES):
        layout, _ = _measured(path, source, "utf-8", begin, end, script, measure)
        if layout is not None:
            return layout
    if codecs is None:
        name = decoding.detect(_sample(path, head, end), source)
        codecs = (name, *decoding.FALLBACKS.get(name, ()))
    furthest = (-1, codecs[0])
    for codec in codecs:
        layout, damage = _measured(path, source, codec, begin, end, script, measure, told=told or bool(begin))
        if layout is not None:
            return layout
        furthest = max(furthest, (damage, codec), key=lambda found: found[0])
    where, _ = furthest
    bad = read_range(path, where, where + 4)
    decoding.refuse_damage(codecs[0], source, where, size, lines_before(path, where) + 1, bad, told=told)


def lines_before(path: AnyPath, offset: int) -> int:
    """Line feeds in the first `offset` bytes of a file."""
    count = passed = 0
    for piece in pieces(path):
        count += piece[: max(0, offset - passed)].count(b"\n")
        passed += len(piece)
        if passed >= offset:
            break
    return count


def _candidates(head: bytes, encoding: str | None) -> tuple[int, Sequence[str] | None, bool]:
    """Where the text begins, what codecs it may be in (None: to be recognised), and whether the user says so."""
    for mark, marked in decoding.BYTE_ORDER_MARKS:
        if head.startswith(mark) and (encoding is None or decoding.same_family(encoding, marked)):
            return len(mark), (marked,), False
    if encoding is None:
        return 0, None, False
    name = decoding.known_codec(encoding)
    # These write a byte order mark of their own, which no block but the first has.
    name = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}.get(name, name)
    return 0, (name, *decoding.FALLBACKS.get(name, ())), True


def _measured(path, source, codec, begin, end, script, measure, *, told=False) -> tuple[Layout | None, int]:
    """How to read the file in this codec; None with the offset of the damage where it does not decode."""
    if STATEFUL.match(codec):
        raise UserError(
            f"A file of over {LARGE >> 20} MB must be in an encoding whose lines stand for themselves: {source} is "
            f"in {codec}. Convert it: iconv -f {codec} -t UTF-8"
        )
    blocks, sizes = [], []
    ahead, here = itertools.tee(text_blocks(path, source, codec, begin, end))
    for block, found in zip(here, measure(codec, ahead), strict=True):
        if found.damage is not None:
            return None, block.begin + found.damage
        if found.seven_bit and not told:
            return None, block.begin
        if found.utf_8 is not None and not told:
            where = block.begin + found.utf_8
            decoding.refuse_mixture(source, codec, where, end, lines_before(path, where) + 1)
        blocks.append(block)
        sizes.append(found.characters)
    sample = _middle(path, codec, blocks, sizes)
    return Layout(codec, begin, end, is_east_asian(sample), is_in_script(sample, script)), end


def _middle(path: AnyPath, codec: str, blocks: list[Block], sizes: list[int]) -> str:
    """The part by which a text is judged, whose blocks have so many visible characters."""
    first, last = middle_sample(sum(sizes))
    passed, parts = 0, []
    for block, size in zip(blocks, sizes, strict=True):
        if passed < last and passed + size > first:
            try:
                text = visible(read_range(path, block.begin, block.end).decode(codec))
            except UnicodeDecodeError:  # which it did when it was measured
                raise UserError(changed(path)) from None
            parts.append(text[max(0, first - passed) : last - passed])
        passed += size
    return "".join(parts)


def _without_padding(path: AnyPath, size: int, head: bytes) -> int:
    """Where the text ends; zeros in its beginning are those of UTF-16, which stay."""
    end = size
    while end:
        begin = max(0, end - _PIECE)
        kept = read_range(path, begin, end).rstrip(b"\0")
        if kept:
            return size if b"\0" in head[: decoding.SAMPLE_BYTES] else begin + len(kept)
        end = begin
    raise UserError(f"A text file must hold text: {path} holds zeros alone. Download it again.")


def _sample(path: AnyPath, head: bytes, end: int) -> bytes:
    """Enough of a file to recognise its encoding: its beginning, and what follows its first byte over ASCII."""
    if not head.isascii():
        return head[:end]
    begin = 0
    for piece in pieces(path):
        if not piece.isascii():
            break
        begin += len(piece)
    rest = read_range(path, begin, min(end, begin + (8 << 20)))
    first = next((place for place, byte in enumerate(rest) if byte > 0x7F), 0)
    line = rest.rfind(b"\n", 0, first) + 1
    return head[: head.rfind(b"\n", 0, decoding.SAMPLE_BYTES) + 1] + rest[line : line + _SAMPLE]

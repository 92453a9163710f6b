"""The tokens of a text as a reader is shown them: which characters they are, or are part of."""

import codecs
import dataclasses
from collections.abc import Sequence

from tf_gpt2.tokenizer import StreamDecoder, Tokenizer


@dataclasses.dataclass(frozen=True)
class Token:
    """A token of a text.

    Attributes:
        id: Its id.
        text: What it adds to the text. One that is only part of a character shows its bytes: `<0xE5>`.
        is_bytes: Whether it is such a part.
        character: Index of what it belongs to among the `characters` of `token_pieces`.
    """

    id: int
    text: str
    is_bytes: bool
    character: int


def token_pieces(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[list[Token], list[str]]:
    """Tells tokens that stand for themselves from those that spell a character byte by byte.

    Args:
        tokenizer: The tokenizer of the ids.
        ids: T token ids.

    Returns:
        The tokens, a list of T; and what they spell, the text in pieces, each of one token, or of the tokens that
        make one character together. Bytes that make none show as U+FFFD.
    """
    tokens: list[Token] = []
    characters: list[str] = []
    for group, text in _groups(tokenizer, [int(token) for token in ids]):
        if len(group) == 1:
            spelled, is_bytes = _part(tokenizer, group[0])
            tokens.append(Token(group[0], spelled if is_bytes else text, is_bytes, len(characters)))
        else:
            tokens += [Token(token, *_part(tokenizer, token), len(characters)) for token in group]
        characters.append(text)
    return tokens, characters


def token_text(tokenizer: Tokenizer, token: int) -> str:
    """What a token shows as by itself; one that is only part of a character as its bytes."""
    return _part(tokenizer, int(token))[0]


def _groups(tokenizer, ids):
    """Yields the tokens that belong together, and their text: a group ends where no character is unfinished."""
    if tokenizer.kind == "other":
        yield from _groups_of_words(tokenizer, ids)
        return
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    group, text = [], ""
    for token in ids:
        piece = tokenizer.token_bytes(token)
        if group and not _goes_on(piece):  # damage ends where a new character begins
            yield group, text + utf8.decode(b"", final=True)
            utf8.reset()
            group, text = [], ""
        group.append(token)
        text += utf8.decode(piece)
        if not utf8.getstate()[0]:
            yield group, text
            group, text = [], ""
    if group:
        yield group, text + utf8.decode(b"", final=True)


def _groups_of_words(tokenizer, ids):
    decoder = StreamDecoder(tokenizer)
    group = []
    for token in ids:
        group.append(token)
        if text := decoder.push(token):
            yield group, text
            group = []
    if group:
        yield group, decoder.flush()


def _goes_on(piece: bytes) -> bool:
    """Whether bytes begin amid a character."""
    return bool(piece) and 0x80 <= piece[0] < 0xC0


def _part(tokenizer: Tokenizer, token: int) -> tuple[str, bool]:
    """A token's own text, and whether that is bytes which are no characters."""
    piece = tokenizer.token_bytes(token)
    if piece is None:
        return tokenizer.decode([token]), False
    try:
        return piece.decode("utf-8"), False
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in piece), True

"""What the tokens of a tokenizer stand for, byte by byte, and the decoder for streams of them."""

import codecs
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import tokenizers

from tf_gpt2.corpus.counting import CODE_POINTS

END_OF_TEXT = "<|endoftext|>"
BYTE_ENTRIES = tuple(f"<0x{byte:02X}>" for byte in range(256))


_CONTEXT = 16  # more than any character or word's end takes


class StreamDecoder:
    """Decodes tokens as they are generated.

    The pieces joined are exactly `tokenizer.decode` of all ids. A character spread over several
    tokens comes when its last one does.

    Args:
        tokenizer: A `tf_gpt2.tokenizer.Tokenizer`.
        context: Ids of the text that they go on with, whose end decides whether a word goes on or a space comes.
    """

    def __init__(self, tokenizer: Any, context: Sequence[int] = ()):
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        # Kinds whose tokens are not byte strings (WordPiece) join words by rules of their own:
        # there the text of all ids so far is decoded and what is new is returned.
        joins = tokenizer.kind == "other"
        self._ids: list[int] = [int(token_id) for token_id in context[-_CONTEXT:]] if joins else []
        self._text = tokenizer.decode(self._ids) if self._ids else ""

    def push(self, token_id: int) -> str:
        """The text that token `token_id` completes; often one character, sometimes empty."""
        piece = self._tokenizer.token_bytes(int(token_id))
        if piece is not None:
            return self._utf8.decode(piece)
        self._ids.append(int(token_id))
        before, text = self._text, self._tokenizer.decode(self._ids)
        if text.endswith("\ufffd"):  # perhaps the first part of a character
            return ""
        self._text = text
        return text[len(before) :]

    def flush(self) -> str:
        """What was held back: U+FFFD when the tokens ended inside a character, else nothing."""
        rest = self._utf8.decode(b"", final=True)
        if self._ids:
            rest = self._tokenizer.decode(self._ids)[len(self._text) :]
        self._ids, self._text = [], ""
        self._utf8.reset()
        return rest


def tokenizer_kind(model: tokenizers.Tokenizer) -> str:
    """The kind: "characters", "bpe" or "other".

    Every condition of the first two is one that their decoding relies on.
    """
    description = json.loads(model.to_str())
    parts, before = description["model"], description.get("pre_tokenizer")
    if parts["type"] != "BPE" or description.get("normalizer") is not None:
        return "other"
    if before is None and parts.get("byte_fallback") and not parts["merges"]:
        entries = set(parts["vocab"])
        only_characters = all(len(e) == 1 for e in entries.difference(BYTE_ENTRIES, {END_OF_TEXT}))
        return "characters" if only_characters and entries.issuperset(BYTE_ENTRIES) else "other"
    decoder = description.get("decoder") or {}
    byte_level = before is not None and before["type"] == decoder.get("type") == "ByteLevel"
    return "bpe" if byte_level else "other"


def bytes_of_tokens(model: tokenizers.Tokenizer, kind: str) -> list[bytes] | None:
    """The bytes of every token by id; None for kind "other"."""
    if kind == "other":
        return None
    spelled = {entry: bytes([byte]) for byte, entry in enumerate(BYTE_ENTRIES)} if kind == "characters" else {}
    literal = {token.content for token in model.get_added_tokens_decoder().values()}
    alphabet = {shown: byte for byte, shown in enumerate(byte_level_alphabet())}
    vocabulary = model.get_vocab()
    table = [b""] * (max(vocabulary.values()) + 1)
    for entry, token_id in vocabulary.items():
        if entry in spelled:
            table[token_id] = spelled[entry]
        elif kind == "characters" or entry in literal:
            table[token_id] = entry.encode()
        else:
            table[token_id] = bytes(alphabet[shown] for shown in entry if shown in alphabet)
    return table


def id_tables(model: tokenizers.Tokenizer) -> tuple[np.ndarray, np.ndarray]:
    """For kind "characters": ids by code point and by byte.

    int32 [0x110000], -1 where a code point has none, and int32 [256].
    """
    vocabulary = model.get_vocab()
    by_code_point = np.full(CODE_POINTS, -1, np.int32)
    for entry, token_id in vocabulary.items():
        if len(entry) == 1:
            by_code_point[ord(entry)] = token_id
    return by_code_point, np.array([vocabulary[entry] for entry in BYTE_ENTRIES], np.int32)


def encode_characters(
    texts: Sequence[str], by_code_point: np.ndarray, by_byte: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ids by the tables of `id_tables`: what `tokenizers` does, at 80 MB/s and not 3.

    Args:
        texts: Strings without unpaired surrogates.
        by_code_point: int32 [0x110000].
        by_byte: int32 [256].

    Returns:
        The ids of the texts one after the other, int32 [total], and how many each has, int64 [texts].
    """
    code_points = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    ids = by_code_point[code_points]
    rare = np.flatnonzero(ids < 0)
    if not rare.size:
        return ids, lengths
    spelled = [chr(c).encode() for c in code_points[rare].tolist()]
    widths = np.ones(len(ids), np.int64)
    widths[rare] = [len(s) for s in spelled]
    before = np.concatenate([[0], np.cumsum(widths)])
    ends = np.cumsum(lengths)
    ids = np.repeat(ids, widths)
    ids[ids < 0] = by_byte[np.frombuffer(b"".join(spelled), np.uint8)]
    return ids, before[ends] - before[ends - lengths]


def byte_level_alphabet() -> list[str]:
    """The character GPT-2's vocabulary shows for each byte: itself, or one from U+0100 on.

    As `bytes_to_unicode` of openai/gpt-2, src/encoder.py.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]

"""The rule of `finish_sentence`: after its limit a text goes on to the end of a sentence.

docs/controls.md has it in words. web/src/runtime/writing/sentences.js is the same in JavaScript;
tests/fixtures/sentence_vectors.json holds both to it.
"""

FINISH_TOKENS = 60  # past the limit at most
MARKS = "。！？…!?."
CLOSERS = "」』”’）)\"'】》〉］]»"
BLANKS = " \t\r\n\u3000"
# What a full stop must not be followed by directly: 3.14, U.S.A., page.html are no ends.
WITHIN = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# What stands at the end of a text: nothing of a sentence's end; a full stop; another mark, or what closes after
# one; a blank after these. Only the last is certain: a quotation mark may still follow the others.
_NOWHERE, _POINT, _MARK, _BLANK = range(4)


def _after(state, character):
    if character in MARKS:
        return _POINT if character == "." else _MARK
    if character in CLOSERS and state in (_POINT, _MARK):
        return _MARK
    if character in BLANKS and state != _NOWHERE:
        return _BLANK
    return _NOWHERE


class SentenceEnd:
    """Follows a text token by token and says where it ends.

    A mark ends a sentence only with what closes it, so the token after one is waited for; should it not belong to
    the sentence, it is dropped. The text is therefore always one that some `max_new_tokens` would give.

    Args:
        limit: Tokens from which on the end of a sentence ends the text.

    Attributes:
        ended: Whether the text has its end.
        kept: Tokens of the text that is certain so far; all of it once it has ended.
    """

    def __init__(self, limit: int):
        self._limit = limit
        self._count = 0
        self._state = _NOWHERE
        self._held: list[str] | None = None  # pieces after what may be the end
        self.ended = False
        self.kept = 0

    def push(self, piece: str) -> str:
        """Takes what one more token completes, often a character, sometimes nothing; returns what is certain."""
        self._count += 1
        certain = piece
        if self._held is not None:
            self._held.append(piece)
            # Half a character may be half a quotation mark.
            if not piece and self._count < self._limit + FINISH_TOKENS:
                return ""
            if not (piece and self._belongs(piece[0])):
                self.ended = True
                return ""
            certain, self._held = "".join(self._held), None
        self.kept = self._count
        for character in piece:
            self._state = _after(self._state, character)
        if self._count >= self._limit and piece:
            self.ended = self._state == _BLANK
            self._held = [] if self._state in (_POINT, _MARK) else None
        self.ended = self.ended or self._count >= self._limit + FINISH_TOKENS
        return certain

    def release(self) -> str:
        """Gives back what was held, when the model itself has ended the text."""
        held, self._held = self._held or [], None
        self.kept += len(held)
        return "".join(held)

    def _belongs(self, character):
        """Whether the sentence goes on with this character directly after what may be its end."""
        return character in MARKS or character in CLOSERS or (self._state == _POINT and character in WITHIN)

"""Byte-level BPE (Radford et al. 2019, section 2.2) inside a graph, with GPT-2's way of cutting text into words.

Shapes: B texts, N code points or symbols of all texts after one another, W words.
"""

import json

import tensorflow as tf

from tf_gpt2.errors import UserError
from tf_gpt2.token_bytes import byte_level_alphabet
from tf_gpt2.tokenizer import Tokenizer

from .character_text import TokenBytes
from .code_points import (
    RangeTable,
    SortedTable,
    alike_ranges,
    following,
    from_text,
    previous,
    row_numbers,
    utf8_bytes,
)

_OUTSIDE, _SPACE, _LETTER, _NUMBER, _OTHER = range(-1, 4)
_EXAMPLES = {"a": _LETTER, "1": _NUMBER, "!": _OTHER}
_APOSTROPHE, _BLANK = ord("'"), ord(" ")
_ENDINGS = ("s", "t", "m", "d", "re", "ve", "ll")  # of GPT-2's pattern: 's 't 're 've 'm 'll 'd
_NO_MERGE = 2**31 - 1


class BytePairText(tf.Module):
    """Encodes and decodes by `Tokenizer` of kind "bpe".

    Raises:
        UserError: The tokenizer does more than GPT-2's.
    """

    def __init__(self, tokenizer: Tokenizer):
        super().__init__()
        description = json.loads(tokenizer.to_json())
        _require_gpt2s(description)
        vocabulary = description["model"]["vocab"]
        merges = [_pair(merge) for merge in description["model"]["merges"]]
        self._size = tokenizer.vocab_size
        ranks = {self._key(vocabulary[a], vocabulary[b]): rank for rank, (a, b) in enumerate(merges)}
        _require_order(merges)
        self._ranks = SortedTable(ranks)
        results = [vocabulary[a + b] for a, b in merges] or [0]
        self._results = tf.Variable(results, trainable=False, name="results")
        byte_ids = [vocabulary.get(shown, -1) for shown in byte_level_alphabet()]
        self._byte_ids = tf.Variable(byte_ids, trainable=False, name="byte_ids")
        self._classes = _character_classes()
        self.decode = TokenBytes(tokenizer)

    def encode(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Ids [B, None] int32 of byte strings [B]."""
        code_points = from_text(text)
        rows = row_numbers(code_points)
        begins = self._word_starts(code_points.values, rows)
        words = tf.cumsum(tf.cast(begins, tf.int32)) - 1  # [N]
        row_of_word = tf.boolean_mask(rows, begins)  # [W]
        spelled = utf8_bytes(code_points.values)  # [N, 4]
        symbols = tf.where(spelled >= 0, tf.gather(self._byte_ids, tf.maximum(spelled, 0)), -1)
        words = tf.repeat(words[:, None], 4, axis=1)
        symbols, words = tf.boolean_mask(symbols, symbols >= 0), tf.boolean_mask(words, symbols >= 0)
        symbols, words = self._merge(symbols, words, tf.size(row_of_word))
        rows = tf.gather(row_of_word, words)
        return tf.RaggedTensor.from_value_rowids(symbols, tf.cast(rows, tf.int64), code_points.nrows())

    def _key(self, left, right):
        return left * self._size + right

    def _word_starts(self, code_points, rows):
        """Where GPT-2's pattern begins a new match: bool [N].

        's|'t|'re|'ve|'m|'ll|'d| ?letters| ?numbers| ?others|white space not before a word|white space
        """
        kind = self._classes(code_points)
        before, after = previous(kind, rows, _OUTSIDE), following(kind, rows, _OUTSIDE)
        blank_before = previous(code_points, rows, _OUTSIDE) == _BLANK
        space = kind == _SPACE
        # Of several white spaces the last one before a word stands apart; a blank then belongs to the word.
        in_space = space & (before == _SPACE) & ((after == _SPACE) | (after == _OUTSIDE))
        in_word = ~space & ((before == kind) | blank_before)
        begins = (before == _OUTSIDE) | ~(in_space | in_word)
        # An apostrophe among others, or with its blank, begins no match and so no ending.
        apostrophe = (code_points == _APOSTROPHE) & begins
        for ending in _ENDINGS:
            matches, follower = apostrophe, code_points
            for character in ending:
                follower = following(follower, rows, _OUTSIDE)
                matches &= follower == ord(character)
            inside = previous(matches, rows, False)
            begins &= ~inside
            for _ in ending:
                matches = previous(matches, rows, False)
            begins |= previous(matches, rows, False)
        return begins

    def _merge(self, symbols, words, num_words):
        """Merges the pair of lowest rank in every word, all its places from the left, until none is left."""

        def merge(symbols, words, _):
            pair = self._key(tf.cast(symbols[:-1], tf.int64), tf.cast(symbols[1:], tf.int64))
            rank = self._ranks(pair)
            rank = tf.where((rank >= 0) & (words[:-1] == words[1:]), rank, _NO_MERGE)
            lowest = tf.math.unsorted_segment_min(rank, words[:-1], num_words)
            chosen = (rank < _NO_MERGE) & (rank == tf.gather(lowest, words[:-1]))
            chosen = _every_other(chosen)
            merged = tf.gather(self._results, tf.where(chosen, rank, 0))
            symbols = tf.concat([tf.where(chosen, merged, symbols[:-1]), symbols[-1:]], axis=0)
            kept = tf.concat([tf.ones_like(symbols[:1], tf.bool), ~chosen], axis=0)
            return tf.boolean_mask(symbols, kept), tf.boolean_mask(words, kept), tf.reduce_any(chosen)

        start = (symbols, words, tf.constant(True))
        shapes = (tf.TensorShape((None,)), tf.TensorShape((None,)), tf.TensorShape(()))
        return tf.while_loop(lambda _, __, more: more, merge, start, shape_invariants=shapes)[:2]


def _every_other(chosen):
    """Of neighbouring true places, which are overlapping pairs of one symbol, every other from the first on."""
    others = tf.concat([[-1], tf.cast(tf.where(~chosen)[:, 0], tf.int32)], axis=0)
    last_other = tf.gather(others, tf.cumsum(tf.cast(~chosen, tf.int32)))
    return chosen & ((tf.range(tf.size(chosen)) - last_other) % 2 == 1)


def _character_classes() -> RangeTable:
    """Letters, numbers, white space and others as the `tokenizers` library has them."""
    from tokenizers import pre_tokenizers

    cut = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True).pre_tokenize_str

    def ask(characters):
        for example, kind in _EXAMPLES.items():
            if len(cut(example + characters)) == 1:
                return kind
        return _SPACE if len(characters) == 1 else None

    return RangeTable(*zip(*alike_ranges(ask), strict=True))


def _pair(merge):
    return tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge)


def _require_gpt2s(description):
    """Refuses what would change the ids and is not done in the graph."""
    model, before = description["model"], description["pre_tokenizer"]
    options = ("ignore_merges", "byte_fallback", "dropout", "unk_token", "continuing_subword_prefix",
               "end_of_word_suffix")  # fmt: skip
    plain = before["type"] == "ByteLevel" and not before.get("add_prefix_space") and before.get("use_regex", True)
    in_text = [token["content"] for token in description["added_tokens"] if not token["special"]]
    if not plain or in_text or any(model.get(option) for option in options):
        raise UserError(
            "a byte-level BPE must cut text as GPT-2's does, with no option beside it; the tokenizer of `run_dir` "
            "does not. Train with tokenizer bpe, or serve the model by another program"
        )


def _require_order(merges):
    """Refuses a list in which a merge comes before one that makes a part of it: places would merge out of order."""
    last_made = {}
    for rank, (left, right) in enumerate(merges):
        last_made[left + right] = rank
    for rank, pair in enumerate(merges):
        if any(last_made.get(part, -1) >= rank for part in pair):
            raise UserError(
                f"merges must come after those that make their parts; merge {rank + 1} of tokenizer.json, "
                f"{' '.join(pair)!r}, does not. Take the list as training left it"
            )

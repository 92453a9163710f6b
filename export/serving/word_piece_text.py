"""WordPiece (Wu et al. 2016, section 4.1) inside a graph, with BERT's way of cutting text into words.

The tokenizer's own normalizer and pre-tokenizer are asked what they make of each code point, and become tables. One
thing they do is no function of single code points: canonical ordering of several combining marks that are kept,
which no mark of a living script is when accents are stripped.

Shapes: B texts, N code points of all texts after one another, W words, V vocabulary_size.
"""

import json
import re
from typing import Any

import tensorflow as tf

from tf_gpt2.corpus.counting import CODE_POINTS
from tf_gpt2.errors import UserError
from tf_gpt2.formats.word_piece import REWRITES, SPACELESS
from tf_gpt2.tokenizer import Tokenizer

from .code_points import (
    RangeTable,
    SortedTable,
    alike_ranges,
    from_text,
    keep,
    row_numbers,
    starts_of,
    to_text,
)

_ITSELF = -2  # in a rule: the code point that is replaced
_NO_CODE_POINT = -1
_LINE_FEED = CODE_POINTS  # a line feed that is a token, not white space
_PART_OF_WORD, _SPACE, _ALONE = range(3)
_WHOLE_WORD, _WITHIN_WORD = 0, 1  # roots of the tree of entries
_BLANK = ord(" ")


class WordPieceText(tf.Module):
    """Encodes and decodes by a `Tokenizer` around a WordPiece model with BERT's normalizer and pre-tokenizer.

    Raises:
        UserError: The tokenizer does something else beside.
    """

    def __init__(self, tokenizer: Tokenizer):
        super().__init__()
        import tokenizers

        description = json.loads(tokenizer.to_json())
        library = tokenizers.Tokenizer.from_str(tokenizer.to_json())
        line_feed = _line_feed_token(description)
        self._longest_word = description["model"]["max_input_chars_per_word"]
        vocabulary = description["model"]["vocab"]
        self._unknown = vocabulary[description["model"]["unk_token"]]
        self._build_rules(library.normalizer, line_feed)
        self._build_classes(library.pre_tokenizer)
        self._build_tree(vocabulary, description["model"]["continuing_subword_prefix"], line_feed)
        self._build_decoder(description["decoder"], library, tokenizer.vocab_size)

    def encode(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Ids [B, None] int32 of byte strings [B]."""
        code_points = self._normalize(from_text(text))
        kind = self._classes(code_points.values)
        code_points = keep(code_points, code_points.values, kind != _SPACE)
        rows = row_numbers(code_points)
        return self._pieces(code_points.values, self._words(kind, rows), rows, code_points.nrows())

    def decode(self, ids: tf.RaggedTensor) -> Any:
        """UTF-8 strings [B] of ids [B, None] within the vocabulary."""
        ids = keep(ids, ids.values, tf.gather(self._named, ids.values))
        rows = row_numbers(ids)
        pieces = tf.where(starts_of(rows), tf.gather(self._first, ids.values), tf.gather(self._later, ids.values))
        text = tf.strings.unsorted_segment_join(pieces, rows, ids.nrows())
        for pattern, replacement in self._rewrites:
            text = tf.strings.regex_replace(text, pattern, replacement)
        return self._without_blanks(text) if self._rewrites else text

    def _normalize(self, code_points):
        rule = tf.gather(self._replacements, self._rules(code_points.values))  # [N, L]
        replaced = tf.where(rule == _ITSELF, code_points.values[:, None], rule)
        return keep(code_points, replaced, rule != _NO_CODE_POINT)

    def _words(self, kind, rows):
        """Number of the word that each code point left by white space belongs to: int32 [N]."""
        after_space = tf.concat([[False], kind == _SPACE], axis=0)[:-1]
        after_alone = tf.concat([[False], kind == _ALONE], axis=0)[:-1]
        begins = tf.boolean_mask(after_space | after_alone | (kind == _ALONE), kind != _SPACE) | starts_of(rows)
        return tf.cumsum(tf.cast(begins, tf.int32)) - 1

    def _pieces(self, code_points, words, rows, num_rows):
        """Cuts every word into the longest entries from its left; one that cannot be cut is unknown."""
        begins = starts_of(words)
        lengths, ids = self._longest_entries(code_points, words, begins)
        place = tf.cast(tf.where(begins)[:, 0], tf.int32)  # [W]
        num_words = tf.size(place)
        total = tf.math.unsorted_segment_sum(tf.ones_like(words), words, num_words)
        padded = tf.concat([words, [-1]], axis=0)

        def go_on(place, used):
            used = tf.tensor_scatter_nd_update(used, place[:, None], tf.ones_like(place, tf.bool))
            step = tf.gather(lengths, place)
            there = tf.minimum(place + step, tf.size(words))
            inside = (step > 0) & (tf.gather(padded, there) == tf.gather(words, place))
            return tf.boolean_mask(there, inside), used

        shapes = (tf.TensorShape((None,)), tf.TensorShape((None,)))
        start = (place, tf.zeros_like(words, tf.bool))
        _, used = tf.while_loop(lambda place, _: tf.size(place) > 0, go_on, start, shape_invariants=shapes)
        stuck = tf.cast(used & (lengths == 0), tf.int32)
        unknown = (tf.math.unsorted_segment_max(stuck, words, num_words) > 0) | (total > self._longest_word)
        unknown = tf.gather(unknown, words)  # [N]
        kept = tf.where(unknown, begins, used)
        ids = tf.boolean_mask(tf.where(unknown, self._unknown, ids), kept)
        rows = tf.cast(tf.boolean_mask(rows, kept), tf.int64)
        return tf.RaggedTensor.from_value_rowids(ids, rows, num_rows)

    def _longest_entries(self, code_points, words, begins):
        """The longest entry that begins at each place within its word: lengths and ids [N], length 0 for none."""
        size = tf.size(words)
        # Behind the last one comes what belongs to no word.
        code_points, padded = tf.pad(code_points, [[0, 1]]), tf.concat([words, [-1]], axis=0)

        def deeper(depth, node, lengths, ids):
            there = tf.minimum(tf.range(size) + depth, size)
            child = self._children(_edge(tf.cast(node, tf.int64), tf.cast(tf.gather(code_points, there), tf.int64)))
            node = tf.where((node >= 0) & (tf.gather(padded, there) == words), child, -1)
            entry = tf.where(node >= 0, tf.gather(self._entries, tf.maximum(node, 0)), -1)
            found = entry >= 0
            return depth + 1, node, tf.where(found, depth + 1, lengths), tf.where(found, entry, ids)

        start = (tf.constant(0), tf.where(begins, _WHOLE_WORD, _WITHIN_WORD), tf.zeros_like(words), words)
        return tf.while_loop(lambda _, node, *__: tf.reduce_any(node >= 0), deeper, start)[2:]

    def _without_blanks(self, text):
        """No blank beside a character of a script that has none."""
        code_points = from_text(text)
        rows, spaceless = row_numbers(code_points), self._spaceless(code_points.values) > 0
        beside = tf.concat([[False], spaceless], axis=0)[:-1] & ~starts_of(rows)
        ends = tf.reverse(starts_of(tf.reverse(rows, [0])), [0])
        beside |= tf.concat([spaceless, [False]], axis=0)[1:] & ~ends
        kept = ~((code_points.values == _BLANK) & beside)
        return to_text(keep(code_points, code_points.values, kept))

    def _build_rules(self, normalizer, line_feed):
        """What the normalizer makes of each code point."""

        def ask(characters):
            if line_feed is not None and "\n" in characters:
                return (_LINE_FEED,) if characters == "\n" else None
            result = normalizer.normalize_str(characters)
            if result == characters:
                return (_ITSELF,)
            if result == "".join(f" {character} " for character in characters):
                return (_BLANK, _ITSELF, _BLANK)
            return tuple(map(ord, result)) if len(characters) == 1 or not result else None

        starts, rules = zip(*alike_ranges(ask), strict=True)
        places = {rule: place for place, rule in enumerate(dict.fromkeys(rules))}
        width = max(map(len, places))
        table = [[*rule, *[_NO_CODE_POINT] * (width - len(rule))] for rule in places]
        self._rules = RangeTable(starts, [places[rule] for rule in rules])
        self._replacements = tf.Variable(table, trainable=False, name="replacements")

    def _build_classes(self, pre_tokenizer):
        """Which code points are white space, and which are words by themselves."""
        cut = pre_tokenizer.pre_tokenize_str

        def ask(characters):
            if len(cut("a" + characters)) == 1 and "a" + characters == cut("a" + characters)[0][0]:
                return _PART_OF_WORD
            if len(characters) > 1:
                return None
            return _SPACE if len(cut(f"a{characters}a")) == 2 else _ALONE

        starts, kinds = zip(*alike_ranges(ask), strict=True)
        self._classes = RangeTable((*starts, _LINE_FEED), (*kinds, _ALONE))

    def _build_tree(self, vocabulary, prefix, line_feed):
        children, entries = {}, {_WHOLE_WORD: -1, _WITHIN_WORD: -1}

        def add(node, spelling, token):
            for code_point in spelling:
                node = children.setdefault(_edge(node, code_point), len(entries))
                entries.setdefault(node, -1)
            entries[node] = token

        for entry, token in vocabulary.items():
            if entry:
                add(_WHOLE_WORD, map(ord, entry), token)
            if entry.startswith(prefix) and entry != prefix:
                add(_WITHIN_WORD, map(ord, entry.removeprefix(prefix)), token)
        if line_feed is not None:
            add(_WHOLE_WORD, [_LINE_FEED], line_feed)
        self._children = SortedTable(children)
        self._entries = tf.Variable(list(entries.values()), trainable=False, name="entries")

    def _build_decoder(self, description, library, size):
        parts = description["decoders"] if description["type"] == "Sequence" else [description]
        self._rewrites = (
            tuple((f"(?m){pattern}", text) for pattern, text in REWRITES[:-1]) if len(parts) > 1 else ()
        )
        if self._rewrites and library.decoder.decode(["话", "说", "[MASK]", "a", "\n", "b"]) != "话说a\nb":
            raise _refusal("its decoder is of another kind")
        pieces = _piece_decoder(parts[0])
        names = [library.id_to_token(token) for token in range(size)]
        first = [pieces.decode([name]) if name is not None else "" for name in names]
        later = [pieces.decode(["", name]) if name is not None else "" for name in names]
        self._first = tf.Variable(first, trainable=False, name="first_pieces")
        self._later = tf.Variable(later, trainable=False, name="later_pieces")
        self._named = tf.Variable([name is not None for name in names], trainable=False, name="named")
        spaceless = re.compile(f"[{SPACELESS}]")
        ranges = alike_ranges(lambda characters: _all_or_none(spaceless, characters))
        self._spaceless = RangeTable(*zip(*ranges, strict=True))


def _edge(node, code_point):
    return node * (CODE_POINTS + 1) + code_point


def _all_or_none(pattern, characters):
    count = len(pattern.findall(characters))
    return {0: 0, len(characters): 1}.get(count)


def _piece_decoder(description):
    from tokenizers import decoders

    if description["type"] != "WordPiece":
        raise _refusal(f"its decoder is {description['type']}")
    return decoders.WordPiece(prefix=description["prefix"], cleanup=description["cleanup"])


def _line_feed_token(description):
    """Id of the line feed where that is a token, which word_piece.py makes it."""
    in_text = [token for token in description["added_tokens"] if not token["special"]]
    if not in_text:
        return None
    if [token["content"] for token in in_text] != ["\n"] or in_text[0]["normalized"]:
        raise _refusal(f"it has tokens of its own such as {in_text[0]['content']!r}")
    return in_text[0]["id"]


def _refusal(reason):
    return UserError(
        f"a WordPiece tokenizer must be BERT's or GPT2-Chinese's; the one of `run_dir` is not: {reason}. Take the "
        "vocab.txt the model was trained with"
    )

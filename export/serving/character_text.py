"""A character vocabulary with byte fallback inside a graph; and the decoding of all tokens that stand for bytes."""

import json

import tensorflow as tf

from tf_gpt2.token_bytes import BYTE_ENTRIES
from tf_gpt2.tokenizer import Tokenizer

from .code_points import SortedTable, from_text, keep, repair, row_numbers, utf8_bytes


class TokenBytes(tf.Module):
    """Decodes tokens that stand for bytes.

    Args:
        tokenizer: A tokenizer of kind "characters" or "bpe".
    """

    def __init__(self, tokenizer: Tokenizer):
        super().__init__()
        pieces = [tokenizer.token_bytes(token) for token in range(tokenizer.vocab_size)]
        self._pieces = tf.Variable(pieces, trainable=False, name="pieces")

    def __call__(self, ids: tf.RaggedTensor):
        """UTF-8 strings [B] of ids [B, None] within the vocabulary; incomplete characters become U+FFFD."""
        pieces = tf.gather(self._pieces, ids.values)
        return repair(tf.strings.unsorted_segment_join(pieces, row_numbers(ids), ids.nrows()))


class CharacterText(tf.Module):
    """Encodes and decodes by `Tokenizer` of kind "characters"."""

    def __init__(self, tokenizer: Tokenizer):
        super().__init__()
        vocabulary = json.loads(tokenizer.to_json())["model"]["vocab"]
        self._ids = SortedTable({ord(entry): i for entry, i in vocabulary.items() if len(entry) == 1})
        self._byte_ids = tf.Variable(
            [vocabulary[entry] for entry in BYTE_ENTRIES], trainable=False, name="byte_ids"
        )
        self.decode = TokenBytes(tokenizer)

    def encode(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Ids [B, None] int32 of byte strings [B]."""
        code_points = from_text(text)
        ids = self._ids(tf.cast(code_points.values, tf.int64))[:, None]  # [N, 1]
        spelled = utf8_bytes(code_points.values)  # [N, 4]
        spelled = tf.where(spelled >= 0, tf.gather(self._byte_ids, tf.maximum(spelled, 0)), -1)
        ids = tf.where(ids >= 0, tf.pad(ids, [[0, 0], [0, 3]], constant_values=-1), spelled)
        return keep(code_points, ids, ids >= 0)

"""Writing with the LSTM by the product's own writer: the same settings, draws and passages as GPT-2's.

Shapes: B rows written together, E embedding, U units, V vocabulary.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.lstm.model import LstmConfig
from tf_gpt2.generation import TextGenerator
from tf_gpt2.generation.engine import MAX_ROWS, Engine
from tf_gpt2.tokenizer import Tokenizer


class LstmEngine(Engine):
    """An `Engine` whose cache is a state of fixed size instead of keys and values.

    The writer takes copies back by shortening the cache, which a state cannot do: `avoid_copying` is not for it.
    """

    def __init__(self, config: LstmConfig, weights: Mapping[str, np.ndarray], tokenizer: Tokenizer):
        self.config = config
        self.end_of_text_id, self.vocabulary_size = tokenizer.end_of_text_id, tokenizer.vocab_size
        self.weights = {name: tf.Variable(array, trainable=False) for name, array in weights.items()}
        self._jit_compile = True
        self._forget_traces()

    def replace_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        for name, array in weights.items():
            self.weights[name].assign(array)

    @property
    def max_rows(self) -> int:
        return MAX_ROWS

    def new_cache(self, rows: int) -> tuple[list, list]:
        """Outputs and cell states of a group: two lists of one variable [B, U]."""
        shape = (rows, self.config.units)
        return [tf.Variable(tf.zeros(shape))], [tf.Variable(tf.zeros(shape))]

    def _encode_into(self, windows, rows, cache, logits):
        flat = [row for same in rows for row in same]
        source = [index for index, same in enumerate(rows) for _ in same]
        new_logits, outputs, cells = self._prefill(tf.constant(windows, tf.int32))
        for variable, new in zip(cache[0] + cache[1], outputs + cells, strict=True):
            variable.scatter_nd_update([[row] for row in flat], tf.gather(new, source))
        logits.update((row, new_logits[index]) for row, index in zip(flat, source, strict=True))

    def _encode(self, ids):
        """Logits [B, V] after ids [B, T], and the state there."""
        zero = tf.zeros((tf.shape(ids)[0], self.config.units))

        def body(place, output, cell):
            return place + 1, *self._step(ids[:, place], output, cell)

        length = tf.shape(ids)[1]
        _, output, cell = tf.while_loop(lambda place, *_: place < length, body, (0, zero, zero))
        return self._logits(self.weights, output), [output], [cell]

    def _forward(self, ids, positions, keys, values):
        output, cell = self._step(ids, keys[0], values[0])
        return self._logits(self.weights, output), [output], [cell]

    def _step(self, ids, output, cell):
        """The LSTM as Keras computes it (Hochreiter and Schmidhuber 1997, with the forget gate of Gers 2000)."""
        w = self.weights
        x = tf.gather(w["embedding"], ids)
        gates = tf.matmul(x, w["kernel"]) + tf.matmul(output, w["recurrent"]) + w["bias"]
        into, keep, new, out = tf.split(gates, 4, axis=-1)
        cell = tf.sigmoid(keep) * cell + tf.sigmoid(into) * tf.tanh(new)
        return tf.sigmoid(out) * tf.tanh(cell), cell

    def _logits(self, weights: Any, hidden):
        logits = tf.matmul(hidden, weights["projection"]) + weights["projection_bias"]
        return logits[:, : self.vocabulary_size]


class LstmGenerator(TextGenerator):
    """A `TextGenerator` of an LSTM: what needs no more than an engine works, scores and views do not.

    Args:
        config: The model's shape.
        weights: Arrays by the names of `model.weights_of`.
        tokenizer: Its tokenizer.
    """

    def __init__(self, config: LstmConfig, weights: Mapping[str, np.ndarray], tokenizer: Tokenizer):
        self.config, self.tokenizer = config, tokenizer
        self.generation_config = {}
        self.copies = None
        self._guards, self._scorers, self._inspector = {}, {}, None
        self.engine = LstmEngine(config, weights, tokenizer)

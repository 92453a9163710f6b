"""The signatures of the SavedModel: what TF Serving offers to the outside. docs/serve.md describes each.

Everything has one row a text along the first axis, so that TF Serving can join requests into batches.

Shapes: B rows, N tokens of the longest row, K alternatives.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.tokenizer import Tokenizer

from . import limits as rules
from .limits import DTYPES, Limits
from .scoring import log_probabilities
from .writing import Writer

ALTERNATIVES = 10
_TEXT = tf.TensorSpec((None,), tf.string)


class ServedModel(tf.Module):
    """A model and its tokenizer as a module of variables, whose functions become signatures.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name.
        tokenizer: The model's tokenizer.
        text: Its equal inside the graph, by `export.serving.text.text_module`.
        limits: What a request may ask for.
        xla: Whether XLA compiles the writing.
        settings: The model's own: defaults of what a request may set, and the rest for all requests.
    """

    def __init__(
        self,
        config: GPT2Config,
        weights: Mapping[str, np.ndarray],
        tokenizer: Tokenizer,
        text: tf.Module,
        limits: Limits,
        xla: bool,
        settings: GenerationSettings,
    ):
        super().__init__()
        self.weights = {
            name: tf.Variable(array, trainable=False, name=name.replace(".", "_"))
            for name, array in weights.items()
        }
        self.text = text
        self._config, self._limits, self._settings = config, limits, settings
        self._size, self._end = tokenizer.vocab_size, tokenizer.end_of_text_id
        self._writer = Writer(self.weights, config, self._size, self._end, settings, self._decode, xla)

    def signatures(self) -> dict[str, tf.types.experimental.PolymorphicFunction]:
        """Functions by the name of their signature."""
        settings = [tf.TensorSpec((None,), dtype) for dtype in DTYPES.values()]
        default = self._limits.defaults(self._settings)

        def write(
            prompt,
            max_new_tokens=default["max_new_tokens"],
            temperature=default["temperature"],
            top_k=default["top_k"],
            top_p=default["top_p"],
            repetition_penalty=default["repetition_penalty"],
            seed=default["seed"],
            finish_sentence=default["finish_sentence"],
        ):
            values = (max_new_tokens, temperature, top_k, top_p, repetition_penalty, seed, finish_sentence)
            return self._generate(prompt, dict(zip(DTYPES, values, strict=True)))

        generate = _function(write, [_TEXT, *settings])

        def prompt_only(prompt):
            return generate(prompt, *default.values())

        def next_token(prompt):
            return self._next_token(prompt)

        def score(text):
            return self._score(text)

        def tokenize(text):
            return self._tokenize(text)

        def detokenize(tokens):
            return self._detokenize(tokens)

        ids = tf.TensorSpec((None, None), tf.int32)
        return {
            "serving_default": generate,
            "prompt_only": _function(prompt_only, [_TEXT]),
            "next_token": _function(next_token, [_TEXT]),
            "score": _function(score, [_TEXT]),
            "tokenize": _function(tokenize, [_TEXT]),
            "detokenize": _function(detokenize, [ids]),
        }

    def _generate(self, prompt, settings):
        prompt = self._limits.check_rows(prompt)
        settings = rules.rows_of(settings, tf.size(prompt))
        status = rules.first_of([self._limits.check_text(prompt), self._limits.check_settings(settings)])
        answered = _answered(status)
        row_settings, seed = rules.with_seeds(settings, answered)
        tokens, scores = self._writer.write(self._encode(prompt, answered), row_settings, answered)
        num_tokens = tf.reduce_sum(tf.cast(tokens >= 0, tf.int32), axis=1)
        shown = tf.where(tokens == self._end, -1, tokens)
        ended = tf.reduce_any(tokens == self._end, axis=1)
        finish = tf.where(ended, "end_of_text", tf.where(answered, "length", ""))
        return {
            "text": self._decode(shown),
            "tokens": tokens,
            "log_probabilities": scores,
            "num_tokens": num_tokens,
            "finish": finish,
            "seed": seed,
            "status": status,
        }

    def _next_token(self, prompt):
        prompt = self._limits.check_rows(prompt)
        status = self._limits.check_text(prompt)
        answered = _answered(status)
        logits, _, _ = self._writer.next_logits(*self._writer.windows(self._encode(prompt, answered)))
        count = min(ALTERNATIVES, self._size)
        # Over the ids the tokenizer has: these are what can be written.
        probabilities, tokens = tf.math.top_k(tf.nn.softmax(logits), count)  # [B, K]
        kept = answered[:, None]
        text = tf.reshape(self._decode(tf.reshape(tokens, (-1, 1))), (-1, count))
        return {
            "text": tf.where(kept, text, ""),
            "tokens": tf.where(kept, tokens, -1),
            "probabilities": tf.where(kept, probabilities, 0.0),
            "status": status,
        }

    def _score(self, text):
        text = self._limits.check_rows(text)
        status = self._limits.check_text(text)
        ids = self._encode(text, _answered(status))
        lengths, tokens = tf.cast(ids.row_lengths(), tf.int32), ids.to_tensor(-1)
        scores = log_probabilities(self.weights, self._config, self._end, tf.maximum(tokens, 0), lengths)
        # No token is a text of probability 1: NaN would be no JSON.
        mean = tf.reduce_sum(scores, axis=1) / tf.cast(tf.maximum(lengths, 1), tf.float32)
        return {
            "tokens": tokens,
            "log_probabilities": scores,
            "num_tokens": lengths,
            "perplexity": tf.exp(-mean),
            "status": status,
        }

    def _tokenize(self, text):
        text = self._limits.check_rows(text)
        status = self._limits.check_text(text)
        ids = self._encode(text, _answered(status))
        return {
            "tokens": ids.to_tensor(-1),
            "num_tokens": tf.cast(ids.row_lengths(), tf.int32),
            "status": status,
        }

    def _detokenize(self, tokens):
        tokens = self._limits.check_rows(tokens)
        status = self._limits.check_ids(tokens)
        answered = _answered(status)
        return {"text": self._decode(tf.where(answered[:, None], tokens, -1)), "status": status}

    def _encode(self, text, answered) -> tf.RaggedTensor:
        """Ids [B, None] of the rows that are answered, none for the others."""
        return self.text.encode(tf.where(answered, text, ""))

    def _decode(self, ids):
        """Texts [B] of ids [B, N]; what is no id of the tokenizer is passed over."""
        known = (ids >= 0) & (ids < self._size)
        lengths = tf.reduce_sum(tf.cast(known, tf.int64), axis=1)
        rows = tf.RaggedTensor.from_row_lengths(tf.boolean_mask(ids, known), lengths, validate=False)
        return self.text.decode(rows)


def _answered(status):
    """Which rows [B] are within the limits; fails when none is."""
    return rules.require_some(status) == ""


def _function(function, signature):
    return tf.function(function, input_signature=signature, autograph=False)

"""From a text, or a window of a long one, to its `Inspection`."""

from typing import Any

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation.settings import GenerationSettings, check_integer
from tf_gpt2.inspection.inspection import Inspection
from tf_gpt2.inspection.payload import tokens_that_fit
from tf_gpt2.inspection.pieces import token_pieces
from tf_gpt2.inspection.trace import Tracer
from tf_gpt2.inspection.views import WINDOW
from tf_gpt2.tokenizer import Tokenizer


class Inspector:
    """Looks at texts with one model.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name; copied.
        tokenizer: Its tokenizer.
    """

    def __init__(self, config: GPT2Config, weights: Any, tokenizer: Tokenizer):
        self._config, self._tokenizer = config, tokenizer
        self._tracer = Tracer(config, weights, tokenizer.vocab_size)

    def inspect(
        self, text: str, settings: GenerationSettings, *, start: int = 0, max_tokens: int | None = None
    ) -> Inspection:
        """Looks at a text, or at a window of a long one.

        Args:
            text: Any string.
            settings: What candidates are shown with.
            start: Tokens to leave out before the window.
            max_tokens: Tokens to look at, at most; the context length bounds it. None: 400, or fewer where one file
                would hold no more of so large a model.

        Raises:
            UserError: `start` lies behind the text, a number is out of range, or the weights give NaN.
        """
        check_integer("start", start, 0)
        if max_tokens is not None:
            check_integer("max_tokens", max_tokens, 1)
        ids = self._tokenizer.encode(text)
        if not len(ids):
            ids = np.array([self._tokenizer.end_of_text_id], np.int32)
        if start >= len(ids):
            raise UserError(f"`start` must be below the text's {len(ids)} tokens; received {start}")
        most = max_tokens if max_tokens is not None else _usual_window(self._config)
        window = ids[start : start + min(most, self._config.context_length)]
        tokens, characters = token_pieces(self._tokenizer, window.tolist())
        return Inspection(
            config=self._config,
            settings=settings,
            ids=window,
            tokens=tokens,
            characters=characters,
            start=start,
            total=len(ids),
            trace=self._tracer.trace(window),
            first_logits=self._tracer.next_logits(self._before(ids, start)),
            tokenizer=self._tokenizer,
        )

    def _before(self, ids, start):
        """What the first token of a window follows: as in training, a text follows the end of another."""
        if start == 0:
            return np.array([self._tokenizer.end_of_text_id], np.int32)
        return ids[max(0, start - self._config.context_length) : start]


def _usual_window(config: GPT2Config) -> int:
    """Tokens whose attention, queries, keys and values a file of the usual size holds."""
    return min(WINDOW, tokens_that_fit(config))

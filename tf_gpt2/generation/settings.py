"""What a user can ask of the writer."""

import dataclasses
import math

from tf_gpt2.errors import UserError

MAX_SEED = 2**32 - 1
_MAX_COUNT = 2**31 - 2  # the graph counts in int32


@dataclasses.dataclass(frozen=True)
class GenerationSettings:
    """Controls of generation, applied in the order of the fields from `repetition_penalty` on (Hugging Face's).

    Attributes:
        max_new_tokens: Tokens to write at most; there is no wall at the context's end.
        num_samples: Texts to write for each prompt.
        seed: Integer from 0 to 2**32 - 1; None draws one. Same seed, same text.
        stop: Strings that end a text; they are not part of it.
        stop_at_end_of_text: Whether the token that ends a document ends the text.
        repetition_penalty: Logits of tokens already there are divided (positive ones) or multiplied (negative
            ones) by this (Keskar et al. 2019, section 4.1); 1 does nothing.
        repetition_window: How many of the last tokens count as already there; 0 for all the model sees.
        no_repeat_ngram: No sequence of this many tokens occurs twice in what the model sees; 0 for no limit.
        min_new_tokens: The end of the text is forbidden before this many.
        temperature: Logits are divided by this; 0 always takes the likeliest token.
        top_k: Draw among the k likeliest, exactly k under ties (lower id first); 0 for all. 1 is greedy.
        top_p: Draw among the fewest likeliest tokens that have this probability together, in (0, 1].

    Raises:
        UserError: A value is out of range.
    """

    max_new_tokens: int = 200
    num_samples: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_at_end_of_text: bool = True
    repetition_penalty: float = 1.0
    repetition_window: int = 0
    no_repeat_ngram: int = 0
    min_new_tokens: int = 0
    temperature: float = 1.0
    top_k: int = 40
    top_p: float = 1.0

    def __post_init__(self):
        _check_integer("max_new_tokens", self.max_new_tokens, 1)
        _check_integer("num_samples", self.num_samples, 1)
        for name in ("repetition_window", "no_repeat_ngram", "min_new_tokens", "top_k"):
            _check_integer(name, getattr(self, name), 0)
        _check_number("repetition_penalty", self.repetition_penalty, "above 0", lambda value: value > 0)
        _check_number("temperature", self.temperature, "0 (greedy) or above", lambda value: value >= 0)
        _check_number("top_p", self.top_p, "above 0 and at most 1", lambda value: 0 < value <= 1)
        if self.min_new_tokens > self.max_new_tokens:
            raise UserError(
                f"min_new_tokens must be at most max_new_tokens; received {self.min_new_tokens} and "
                f"{self.max_new_tokens}"
            )
        if self.seed is not None:
            _check_integer("seed", self.seed, 0, MAX_SEED)
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
        if not all(isinstance(text, str) and text for text in stop):
            raise UserError(f"stop must be strings of at least one character; received {stop!r}")
        object.__setattr__(self, "stop", stop)

    @property
    def greedy(self) -> bool:
        """Whether every token is the likeliest one, so that no random number matters."""
        return self.temperature == 0 or self.top_k == 1


def _check_integer(name, value, lowest, highest=_MAX_COUNT):
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise UserError(f"{name} must be an integer from {lowest} to {highest}; received {value!r}")


def _check_number(name, value, rule, holds):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not holds(value):
        raise UserError(f"{name} must be a number {rule}; received {value!r}")

"""What a user can ask of the writer, and the only place where the defaults of that stand.

A model may bring defaults of its own in its generation_config.json, under the names of transformers'
GenerationConfig. They replace ours, and what the user gives replaces both, on every surface alike: the commands,
the Python interface, the SavedModel and the page (docs/controls.md).
"""

import dataclasses
import functools
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

from tf_gpt2.errors import UserError
from tf_gpt2.generation.sentences import FINISH_TOKENS

MAX_SEED = 2**32 - 1
LEAST_COPY = 5
_MAX_COUNT = 2**31 - 2  # the graph counts in int32
_LOWEST = {
    "max_new_tokens": 1,
    "num_samples": 1,
    "repetition_window": 0,
    "no_repeat_ngram": 0,
    "min_new_tokens": 0,
    "top_k": 0,
}
_NUMBERS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "repetition_penalty": ("above 0", lambda value: value > 0),
    "temperature": ("0 (greedy) or above", lambda value: value >= 0),
    "top_p": ("above 0 and at most 1", lambda value: 0 < value <= 1),
}
# Fields of a generation_config.json by their names there.
MODEL_FIELDS = {
    "max_new_tokens": "max_new_tokens",
    "min_new_tokens": "min_new_tokens",
    "no_repeat_ngram_size": "no_repeat_ngram",
    "repetition_penalty": "repetition_penalty",
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
}
# Fields that every such file has and that do not steer the draw: no word is lost on them.
_SILENT = ("_from_model_config", "transformers_version", "bos_token_id", "eos_token_id", "pad_token_id")
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class GenerationSettings:
    """Controls of generation, applied in the order of the fields from `repetition_penalty` on (Hugging Face's).

    Attributes:
        max_new_tokens: Tokens to write at most; there is no wall at the context's end.
        finish_sentence: Whether the text goes on past `max_new_tokens` to the end of its sentence, by at most 60
            tokens (docs/controls.md).
        num_samples: Texts to write for each prompt.
        seed: Integer from 0 to 2**32 - 1; None draws one. Same seed, same text.
        stop: Strings that end a text; they are not part of it.
        stop_at_end_of_text: Whether the token that ends a document ends the text.
        repetition_penalty: Logits of tokens already there are divided (positive ones) or multiplied (negative
            ones) by this (Keskar et al. 2019, section 4.1); 1 does nothing.
        repetition_window: How many of the last tokens count as already there; 0 for all the model sees.
        no_repeat_ngram: No sequence of this many tokens occurs twice in what the model sees; 0 for no limit.
        min_new_tokens: The end of the text is forbidden before this many.
        avoid_copying: No run of this many characters of the training text is written (copy_guard.py); 0 for no
            limit.
        temperature: Logits are divided by this; 0 always takes the likeliest token.
        top_k: Draw among the k likeliest, exactly k under ties (lower id first); 0 for all. 1 is greedy.
        top_p: Draw among the fewest likeliest tokens that have this probability together, in (0, 1].

    Raises:
        UserError: A value is out of range.
    """

    # The defaults of the product; nothing else states them.
    max_new_tokens: int = 200
    finish_sentence: bool = False
    num_samples: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_at_end_of_text: bool = True
    repetition_penalty: float = 1.0
    repetition_window: int = 0
    no_repeat_ngram: int = 0
    min_new_tokens: int = 0
    avoid_copying: int = 0
    temperature: float = 1.0
    top_k: int = 40
    top_p: float = 1.0

    def __post_init__(self):
        for name in (*_LOWEST, *_NUMBERS):
            _check(name, getattr(self, name))
        if self.min_new_tokens > self.max_new_tokens:
            raise UserError(
                f"`min_new_tokens` must be at most `max_new_tokens`; received {self.min_new_tokens} and "
                f"{self.max_new_tokens}"
            )
        check_integer("avoid_copying", self.avoid_copying, 0)
        if 0 < self.avoid_copying < LEAST_COPY:
            raise UserError(
                f"`avoid_copying` must be 0 or at least {LEAST_COPY} characters, as shorter runs are words; "
                f"received {self.avoid_copying}"
            )
        if not isinstance(self.finish_sentence, bool):
            raise UserError(f"`finish_sentence` must be true or false; received {self.finish_sentence!r}")
        if self.seed is not None:
            check_integer("seed", self.seed, 0, MAX_SEED)
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
        if not all(isinstance(text, str) and text for text in stop):
            raise UserError(f"`stop` must be strings of at least one character; received {stop!r}")
        object.__setattr__(self, "stop", stop)

    @classmethod
    def for_model(cls, generation_config: Mapping[str, Any], **given: Any) -> "GenerationSettings":
        """The settings for a model: what is given, else what its generation_config.json says, else the defaults.

        `do_sample: false` there means temperature 0. Fields that are unknown, of a wrong type or out of range are
        passed over, and a line of the log names them. Should the file's `min_new_tokens` exceed `max_new_tokens`,
        it becomes that.

        Args:
            generation_config: The content of the file; empty for none.
            **given: Fields of this class; they win.

        Raises:
            UserError: Something given is out of range or no field.
        """
        if unknown := [name for name in given if name not in cls.__dataclass_fields__]:
            raise UserError(
                f"a setting must be one of {', '.join(cls.__dataclass_fields__)}; received {unknown[0]!r}"
            )
        values = {**model_defaults(generation_config), **given}
        if "min_new_tokens" in values and "min_new_tokens" not in given:
            most = values.get("max_new_tokens", cls.max_new_tokens)
            if isinstance(most, int):
                values["min_new_tokens"] = min(values["min_new_tokens"], max(most, 0))
        return cls(**values)

    def as_generation_config(self) -> dict[str, Any]:
        """These settings under the names of a generation_config.json, for readers of such a file: the page, say."""
        values = {theirs: getattr(self, ours) for theirs, ours in MODEL_FIELDS.items()}
        return {"do_sample": not self.greedy, **values}

    @property
    def most_new_tokens(self) -> int:
        """Tokens to write at most, those that finish a sentence included."""
        return self.max_new_tokens + (FINISH_TOKENS if self.finish_sentence else 0)

    @property
    def greedy(self) -> bool:
        """Whether every token is the likeliest one, so that no random number matters."""
        return self.temperature == 0 or self.top_k == 1


def model_defaults(generation_config: Mapping[str, Any]) -> dict[str, Any]:
    """What a generation_config.json says about our settings, by our names; what cannot be used is left out."""
    values, passed_over = {}, []
    for name, value in generation_config.items():
        if value is None or name in _SILENT:
            continue
        if name == "do_sample" and isinstance(value, bool):
            continue
        try:
            _check(MODEL_FIELDS[name], value)
        except (KeyError, UserError):
            passed_over.append(f"{name[:40]!r} ({str(value)[:40]!r})")
        else:
            values[MODEL_FIELDS[name]] = value
    if generation_config.get("do_sample") is False:
        values["temperature"] = 0.0
    if passed_over:
        _tell(f"generation_config.json: passed over, as unknown here or out of range: {', '.join(passed_over)}")
    return values


@functools.lru_cache(64)
def _tell(line):
    """Logs a line once in a process: settings are made anew for every text."""
    _log.info(line)


def _check(name, value):
    if name in _LOWEST:
        check_integer(name, value, _LOWEST[name])
    else:
        _check_number(name, value, *_NUMBERS[name])


def check_integer(name: str, value: Any, lowest: int, highest: int = _MAX_COUNT) -> None:
    """Refuses what is no integer from `lowest` to `highest`.

    Raises:
        UserError: It is none.
    """
    if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
        return
    rule = f"from {lowest} to {highest}"
    if highest == _MAX_COUNT:  # which nobody needs to know who is not beyond it
        rule = f"of at most {highest}" if isinstance(value, int) and value > highest else f"of at least {lowest}"
    raise UserError(f"`{name}` must be an integer {rule}; received {value!r}")


def _check_number(name, value, rule, holds):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not abs(value) <= sys.float_info.max or not holds(value):  # no NaN, and no integer past it
        raise UserError(f"`{name}` must be a number {rule}; received {value!r}")

"""Numbers out of range are refused before a text is read. Plain values, no TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf_gpt2.data.holding_out import Shares
from tf_gpt2.errors import UserError
from tf_gpt2.training.settings import MAX_COUNT

if TYPE_CHECKING:
    from tf_gpt2.training.options import TrainingOptions

# The least that tokenizer.py makes, and what the library it is made with has room for at once.
_LEAST_VOCABULARY, _LARGEST_VOCABULARY = 257, 100_000_000
_MOST_DEVICES = 1024
_LONGEST_WAIT = 1_000_000_000  # which a socket can still count


def refuse_out_of_range(options: TrainingOptions) -> None:
    """Looks through what a user asks for, but for what recipe, schedule, rhythm and shape check themselves.

    Raises:
        UserError: A number is out of range.
    """
    if options.devices is not None and not 1 <= options.devices <= _MOST_DEVICES:
        raise UserError(f"`devices` must be from 1 to {_MOST_DEVICES}; received {options.devices!r:.60}")
    if not 0 < options.wait_for_workers <= _LONGEST_WAIT:
        raise UserError(
            f"`wait_for_workers` must be above 0 and at most {_LONGEST_WAIT} seconds; "
            f"received {options.wait_for_workers!r}"
        )
    given = [name for name in ("steps", "epochs", "minutes") if getattr(options, name) is not None]
    if len(given) > 1:
        raise UserError(
            f"give one of `steps`, `epochs` and `minutes`; received {' and '.join(f'`{n}`' for n in given)}"
        )
    for name in given:
        if not 0 < getattr(options, name) <= MAX_COUNT:
            raise UserError(
                f"`{name}` must be above 0 and at most {MAX_COUNT}; received {getattr(options, name)!r:.60}"
            )
    if options.stop_when_copying is not None and not 0 <= options.stop_when_copying <= 1:
        raise UserError(f"`stop_when_copying` must be from 0 to 1; received {options.stop_when_copying!r}")
    if options.patience is not None and options.patience < 1:
        raise UserError(f"`patience` must be at least 1 validation; received {options.patience!r}")
    if options.rollbacks < 0:
        raise UserError(f"`rollbacks` must be at least 0; received {options.rollbacks!r}")
    if options.min_char_count is not None and not 1 <= options.min_char_count <= MAX_COUNT:
        raise UserError(f"`min_char_count` must be from 1 to {MAX_COUNT}; received {options.min_char_count!r:.60}")
    if options.vocab_size is not None and not _LEAST_VOCABULARY <= options.vocab_size <= _LARGEST_VOCABULARY:
        raise UserError(
            f"`vocab_size` must be from {_LEAST_VOCABULARY} (bytes and the end of text) to {_LARGEST_VOCABULARY}; "
            f"received {options.vocab_size!r:.60}; 16000 suits a few novels"
        )
    Shares(options.validation_fraction, options.test_fraction, options.split_seed)

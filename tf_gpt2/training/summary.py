"""What a training came to: the result, and the last report."""

from __future__ import annotations

import dataclasses
import logging
import math
import pathlib
from typing import TYPE_CHECKING

from tf_gpt2.data.token_files import PreparedCorpus, TokenStream
from tf_gpt2.run_directory import CHECKPOINTS

if TYPE_CHECKING:
    from tf_gpt2.training.loop import Trainer

log = logging.getLogger(__name__)
# Longest corpus for which the bigram baseline is counted at the end, in tokens: it takes memory by the pair.
_BASELINE_TOKENS = 50_000_000


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What a training left.

    Attributes:
        run_dir: The run directory, which is a model directory.
        steps: Steps done in all.
        best_step: The step whose weights were kept; 0 without validation.
        validation_loss: Their loss on the held-out text in nats per token; None without validation.
        validation_loss_per_character: The same per character.
        bigram_loss_per_character: What an interpolated bigram reaches there; None where it was not counted.
        test_loss_per_character: Their loss on the test span, which no decision read; None where there is none.
        test_loss: The same in nats per token.
        test_bigram_loss_per_character: What the bigram reaches there; None where it was not counted.
    """

    run_dir: pathlib.Path
    steps: int
    best_step: int
    validation_loss: float | None
    validation_loss_per_character: float | None
    bigram_loss_per_character: float | None
    test_loss_per_character: float | None = None
    test_loss: float | None = None
    test_bigram_loss_per_character: float | None = None


def summarise(trainer: Trainer, prepared: PreparedCorpus) -> TrainingResult:
    """Says how good the model became, beside a baseline that knows only pairs of characters."""

    state, run_dir = trainer.state, trainer.run_dir
    result = TrainingResult(run_dir, state.step, state.best_step, None, None, None)
    if not math.isfinite(state.best_validation_loss):
        log.info(f"trained without validation: the model of the last step is in {run_dir}")
        return result
    loss, tested = state.best_validation_loss, trainer.test_loss
    figures = {"validation": loss * _tokens_per_character(prepared.validation)}
    log.info(
        f"validation loss {figures['validation']:.3f} nats per character "
        f"({'the average of the weights ' if state.best_is_average else ''}at step {state.best_step:,}; "
        f"{loss:.3f} per token)"
    )
    if not trainer.validates and state.step > state.best_step:
        log.info(
            f"with `eval_every`=0 nothing was measured to the last step, {state.step:,}: the model of step "
            f"{state.best_step:,} stays the one that is kept; the last weights are in {run_dir / CHECKPOINTS}"
        )
    baselines = _bigram(prepared)
    if tested is not None:
        figures["test"] = tested * _tokens_per_character(prepared.test)
        log.info(
            f"test loss {figures['test']:.3f} nats per character ({tested:.3f} per token), "
            "on text that no decision read"
        )
    if baselines:  # each beside its own: the end of a book may be harder than what comes before it
        log.info(
            "interpolated bigram on the same texts: "
            + ", ".join(f"{name} {loss:.3f}" for name, loss in baselines.items())
            + " nats per character"
        )
    log.info(f"the model is in {run_dir}; write with: python -m tf_gpt2.sample --run_dir={run_dir}")
    return dataclasses.replace(
        result,
        validation_loss=loss,
        validation_loss_per_character=figures["validation"],
        bigram_loss_per_character=baselines.get("validation"),
        test_loss_per_character=figures.get("test"),
        test_loss=tested,
        test_bigram_loss_per_character=baselines.get("test"),
    )


def _tokens_per_character(stream: TokenStream) -> float:
    return stream.targets / stream.characters


def _bigram(prepared: PreparedCorpus) -> dict[str, float]:
    """The baseline in nats per character by split; empty where the corpus is too long or too short to count."""
    from tf_gpt2.evaluation.bigram import LEAST_TRAINING_TARGETS, Bigram

    if len(prepared.train) > _BASELINE_TOKENS or prepared.train.targets < LEAST_TRAINING_TARGETS:
        return {}
    bigram = Bigram(prepared.train, prepared.tokenizer.vocab_size)
    streams = {"validation": prepared.validation, "test": prepared.test}
    return {name: bigram.cross_entropy_per_character(stream) for name, stream in streams.items() if stream.targets}

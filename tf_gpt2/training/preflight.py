"""Before training, one table: what will be trained on what, how long, in how much memory and disk, and what is
likely to go wrong.

Plain values, no TensorFlow.
"""

import dataclasses
import math
import os
import pathlib
import shutil

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.counts import windows_per_epoch
from tf_gpt2.training.progress import duration
from tf_gpt2.training.settings import Recipe, Rhythm

STEPS_OF_A_PACE = 10  # so many of a training's own steps, done since it began or went on, tell its pace
_GIB = 2**30
_FEW_WINDOWS, _FEW_STEPS, _LONG_HOURS = 20, 100, 48
# Muennighoff et al. 2023, "Scaling Data-Constrained Language Models": up to four passes text is worth as much as
# new one, and by about sixteen what is gained has fallen to a third.
_PASSES_AS_GOOD_AS_NEW, _PASSES_LEARNED_BY_HEART = 4, 16
_TOKENS_OF_AN_ENTRY = 20  # of the vocabulary, to learn it from


@dataclasses.dataclass(frozen=True)
class Preflight:
    """What is known of a training before it begins.

    Attributes:
        config: The model's shape.
        recipe: The recipe.
        rhythm: Its reports.
        steps: Steps in all.
        done: Steps done before.
        window: Tokens of a window.
        parts: Parts that each batch is computed in.
        train_tokens: Tokens to train on.
        validation_tokens: Tokens to measure on.
        device: What computes, for the person at the terminal.
        precision: What layers multiply in.
        state_bytes: Of weights and optimizer.
        step_bytes: The most that a step takes, state included; an estimate unless `measured`.
        memory: Bytes of the device; None where not known.
        disk_bytes: The run directory's share of the disk when it is full.
        disk_free: Bytes free there; None where not known.
        seconds_per_step: Of real steps; None before there were any.
        compile_seconds: The first step's; None before.
        measured: Who says what a step takes: "XLA" or "measured"; None for an estimate.
    """

    config: GPT2Config
    recipe: Recipe
    rhythm: Rhythm
    steps: int
    done: int
    window: int
    parts: int
    train_tokens: int
    validation_tokens: int
    device: str
    precision: str
    state_bytes: int
    step_bytes: int
    memory: int | None
    disk_bytes: int
    disk_free: int | None
    seconds_per_step: float | None = None
    compile_seconds: float | None = None
    measured: str | None = None

    @property
    def epochs(self) -> float:
        """Passes over the training text."""
        return self.steps * self.recipe.batch_size / max(1, windows_per_epoch(self.train_tokens, self.window))

    @property
    def seconds(self) -> float | None:
        """Of the steps that are left."""
        return None if self.seconds_per_step is None else self.seconds_per_step * (self.steps - self.done)

    @property
    def _validation_windows(self) -> int:
        """The last one need not be full."""
        return math.ceil(max(0, self.validation_tokens - 1) / self.window)

    @property
    def _validates(self) -> bool:
        """Whether there are validations; without them the last model is kept."""
        return bool(self.rhythm.eval_every and self._validation_windows)

    @property
    def _first_steps_tell(self) -> bool:
        """Whether a line about them comes before the last step: with the first report after enough of them."""
        every = self.rhythm.log_every
        return -(-(self.done + STEPS_OF_A_PACE) // every) * every < self.steps

    def table(self) -> str:
        """Everything, a line each, and what is likely to go wrong."""
        rows = {
            "model": self._model(),
            "text": self._text(),
            "training": self._training(),
            "memory": self._memory(),
            "time": self._time(),
            "disk": self._disk(),
        }
        lines = [f"  {name:<10}{what}" for name, what in rows.items()]
        return "\n".join(["before training:", *lines, *(f"  note: {note}" for note in self.notes())])

    def first_steps(self) -> str:
        """What the training's own first steps have shown, in a line."""
        return f"first steps: time {self._time()}; memory {self._memory()}"

    def notes(self) -> list[str]:
        """What is likely to go wrong, with the remedy; a sentence each."""
        return [note for note in (*self._of_the_text(), *self._of_the_machine(), *self._of_the_run()) if note]

    def _model(self):
        c = self.config
        shape = f"{c.num_layers} layers, width {c.hidden_dim}, {c.num_heads} heads, context {c.context_length:,}"
        return f"{c.num_parameters:,} parameters ({shape}) on {self.device} in {self.precision}"

    def _text(self):
        windows, held_out = self._validation_windows, "none held out"
        if windows:
            held_out = f"{self.validation_tokens:,} to measure on ({windows:,} window{'s' * (windows != 1)})"
        return f"{self.train_tokens:,} tokens to train on, {held_out}"

    def _training(self):
        parts = f" in {self.parts} parts" if self.parts > 1 else ""
        begun = f" ({self.done:,} are done)" if self.done else ""
        return (
            f"{self.steps:,} steps{begun} of {self.recipe.batch_size} x {self.window:,} tokens{parts}: "
            f"{self.epochs:.1f} passes over the text"
        )

    def _memory(self):
        of = f" of {_size(self.memory)}" if self.memory else ""
        later = "; the first steps will tell" if self.seconds is None and self._first_steps_tell else ""
        source = {None: f"estimated{later}", "XLA": "by XLA's account"}.get(self.measured, "measured")
        return f"{_size(self.step_bytes)}{of} ({source}); weights and optimizer {_size(self.state_bytes)} of it"

    def _time(self):
        if self.seconds is None:
            return (
                "the first steps will tell" if self._first_steps_tell else "too few steps to tell it before the end"
            )
        compiling = f", after {self.compile_seconds:.0f} s of compiling" if self.compile_seconds else ""
        return f"{duration(self.seconds)} at {self.seconds_per_step:.3g} s a step{compiling}; reports come on top"

    def _disk(self):
        free = f" of {_size(self.disk_free)} free" if self.disk_free is not None else ""
        return f"{_size(self.disk_bytes)}{free}, with {self.rhythm.keep_checkpoints} checkpoints"

    def _of_the_text(self):
        parameters, tokens = self.config.num_parameters, self.train_tokens
        if parameters > tokens and self.epochs > _PASSES_AS_GOOD_AS_NEW:
            yield (
                f"the model has {parameters / tokens:.1f} times as many parameters as the text has tokens: it will "
                f"recite after about {_PASSES_LEARNED_BY_HEART} passes and gains little after "
                f"{_PASSES_AS_GOOD_AS_NEW}; this run makes {self.epochs:.1f}. Give more text or a smaller model, "
                "or let `patience` or `stop_when_copying` end it"
            )
        if self._validates and self._validation_windows < _FEW_WINDOWS:
            yield (
                f"few windows to measure on ({self._validation_windows}): chance decides which model is kept. Give "
                "more text or a larger `validation_fraction`"
            )
        if self.config.vocabulary_size * _TOKENS_OF_AN_ENTRY > tokens:
            yield (
                f"{tokens:,} tokens are few for a vocabulary of {self.config.vocabulary_size:,}, whose entries "
                "come too seldom to be learned. Give more text or a smaller vocabulary"
            )

    def _of_the_machine(self):
        if self.memory is not None and self.step_bytes > self.memory:
            yield (
                f"a step takes about {_size(self.step_bytes)} and the device has {_size(self.memory)}: take "
                "`remat`=full, a smaller `context_length` or a smaller model"
            )
        elif self.parts > self.recipe.accumulation_steps:
            yield (
                f"a whole batch does not fit into memory: it is computed in {self.parts} parts of "
                f"{self.recipe.batch_size // self.parts}, with the same result up to rounding and dropout's draws"
            )
        if self.disk_free is not None and self.disk_bytes > self.disk_free:
            yield (
                f"the run directory will take {_size(self.disk_bytes)} and the disk has {_size(self.disk_free)} "
                "free: free some, choose another `run_dir`, or give fewer `keep_checkpoints`"
            )
        if self.seconds is not None and self.seconds > _LONG_HOURS * 3600:
            yield (
                f"it takes {self.seconds / 86_400:.1f} days on this device. Give fewer `steps` or `minutes`, take "
                "a smaller `preset` or a faster device"
            )

    def _of_the_run(self):
        if self.steps < _FEW_STEPS:
            yield f"{self.steps} steps are few to learn anything in. Give more `steps`, `epochs` or `minutes`"
        if not self.rhythm.checkpoint_every:
            yield "no checkpoint is written on the way: a kill loses everything. Give `checkpoint_every`"
        if self._validates and self.rhythm.eval_every >= self.steps > 1:
            yield f"the only validation comes at the last step. Give `eval_every` below {self.steps:,}"


def free_disk(folder: str | os.PathLike) -> int | None:
    """Bytes that are free where a folder is or will be; None where the system does not tell."""
    place = pathlib.Path(folder).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return None


def run_bytes(model_bytes: int, state_bytes: int, keep: int) -> int:
    """The most that a run directory takes: checkpoints and the model, each once more while it is written."""
    return (keep + 1) * state_bytes + 2 * model_bytes


def _size(count: int) -> str:
    return f"{count / _GIB:.1f} GiB" if count >= _GIB else f"{max(1, round(count / 2**20)):,} MiB"

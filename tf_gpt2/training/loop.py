"""The training loop: steps, reports, checkpoints, and a clean end whatever ends it."""

import dataclasses
import math
import pathlib
import signal
import time

import numpy as np
import tensorflow as tf

from tf_gpt2.config import GPT2Config
from tf_gpt2.data.windows import evaluation_windows, training_dataset
from tf_gpt2.errors import UserError
from tf_gpt2.model_directory import model_weights, save_model_directory
from tf_gpt2.run_directory import CHECKPOINTS, checkpoint_steps
from tf_gpt2.training.checkpoints import restore_checkpoint, save_checkpoint
from tf_gpt2.training.metrics import MetricsLog
from tf_gpt2.training.optimizer import build_optimizer, learning_rate
from tf_gpt2.training.progress import Progress
from tf_gpt2.training.settings import Rhythm, TrainingSettings
from tf_gpt2.training.steps import EvalStep, TrainStep


@dataclasses.dataclass
class LoopState:
    """What the loop remembers beside the variables; goes into every checkpoint."""

    step: int = 0
    best_validation_loss: float = math.inf
    best_step: int = 0


class Trainer:
    """Trains a model in a run directory.

    Args:
        run_dir: Directory for checkpoints, metrics and the model directory.
        model: Functional model, initialised or fine-tuned from.
        config: Its shape.
        corpus: A `tf_gpt2.data.prepare.PreparedCorpus`.
        settings: The recipe.
        rhythm: How often to report.
        write_sample: Called with (step, weights by Hugging Face name) every `sample_every` steps; returns the
            text to show.
    """

    def __init__(
        self,
        run_dir,
        model,
        config: GPT2Config,
        corpus,
        settings: TrainingSettings,
        rhythm: Rhythm,
        *,
        write_sample=None,
    ):
        self.run_dir = pathlib.Path(run_dir)
        self.model = model
        self.config = config
        self.corpus = corpus
        self.settings = settings
        self.rhythm = rhythm
        self.state = LoopState()
        self._write_sample = write_sample
        trained = trained_variables(model, settings)
        self._optimizer = build_optimizer(settings, trained)
        self._train_step = TrainStep(model, self._optimizer, trained, settings.accumulation_steps)
        self._eval_step = EvalStep(model)
        self._stop_signal = None

    @property
    def variables(self):
        """Every variable that a step changes: weights, dropout seeds, optimizer slots."""
        return [*self.model.variables, *self._optimizer.variables]

    def restore(self) -> bool:
        """Goes to the newest checkpoint of the run directory; returns whether there was one."""
        folder = self.run_dir / CHECKPOINTS
        steps = checkpoint_steps(folder)
        if not steps:
            return False
        self.state = LoopState(**restore_checkpoint(folder, steps[-1], self.variables))
        return True

    def seconds_per_step(self, steps: int = 12) -> float:
        """Compiles and times the step on real batches, then puts every variable back as it was."""
        before = [np.array(variable.value) for variable in self.variables]
        seconds = []
        for x, y in self._batches(0).take(steps + 2):
            start = time.perf_counter()
            float(self._step(x, y))
            seconds.append(time.perf_counter() - start)
        for variable, value in zip(self.variables, before, strict=True):
            variable.assign(value)
        return float(np.median(seconds[2:]))

    def train(self) -> LoopState:
        """Runs to the last step.

        Raises:
            UserError: The loss is not finite, or a file cannot be written.
            KeyboardInterrupt: The user asked to stop; a checkpoint has been saved.
        """
        metrics = MetricsLog(self.run_dir, self.state.step)
        tokens_per_step = self.settings.batch_size * self.config.context_length
        progress = Progress(self.state.step, self.settings.steps, tokens_per_step)
        with self._deferred_signals():
            try:
                self._run(metrics, progress)
            finally:
                progress.close()
                metrics.close()
        return self.state

    def validate(self) -> float:
        """Mean loss in nats per token over the held-out tokens, each predicted once, without dropout."""
        loss, _ = self._eval_step.mean_loss(self._validation)
        return loss

    def _batches(self, start_step):
        return training_dataset(
            self.corpus.train_tokens,
            context_length=self.config.context_length,
            batch_size=self.settings.batch_size,
            seed=self.settings.seed,
            start_step=start_step,
        )

    @property
    def _validation(self):
        rows = self.settings.batch_size // self.settings.accumulation_steps
        return evaluation_windows(
            self.corpus.validation_tokens, context_length=self.config.context_length, batch_size=rows
        )

    def _run(self, metrics, progress):
        last, first = self.settings.steps, self.state.step
        unchecked = []  # losses not yet looked at: reading one waits for the device
        for x, y in self._batches(first).take(last - first):
            unchecked.append(self._step(x, y))
            self.state.step = step = self.state.step + 1
            stopping = self._stop_signal is not None
            due = {report for report, every in self._reports() if every and (step % every == 0 or step == last)}
            if due or stopping:
                self._check_finite(unchecked)
                figures = progress.report(step, float(unchecked[-1]), learning_rate(self.settings, step - 1))
                metrics.write(step, "train", **figures)
                unchecked = []
            self._write_reports(due, stopping, metrics, progress)
            if due or stopping or step == first + 1:
                progress.resume(step)
            if stopping and step < last:
                raise KeyboardInterrupt

    def _step(self, x, y):
        # A variable, not a schedule inside the compiled step: the number of steps may be settled after compiling.
        self._optimizer.learning_rate = learning_rate(self.settings, self.state.step)
        return self._train_step(x, y)

    def _reports(self):
        rhythm = self.rhythm
        return (
            ("log", rhythm.log_every),
            ("eval", rhythm.eval_every),
            ("sample", rhythm.sample_every),
            ("checkpoint", rhythm.checkpoint_every),
        )

    def _write_reports(self, due, stopping, metrics, progress):
        if "eval" in due:
            self._evaluate(metrics, progress)
        if "sample" in due and self._write_sample:
            progress.note(self._write_sample(self.state.step, model_weights(self.model, self.config)))
        if "checkpoint" in due or stopping:
            self._save_checkpoint()

    def _check_finite(self, losses):
        values = np.array([float(loss) for loss in losses])
        finite = np.isfinite(values)
        if finite.all():
            return
        step = self.state.step - len(values) + 1 + int(np.argmin(finite))
        raise UserError(
            f"the loss must stay finite; it is {values[~finite][0]} at step {step} with the learning rate "
            f"{learning_rate(self.settings, step - 1):.2e}. Try a smaller --learning_rate or --clip_norm or more "
            "--warmup_steps; what was saved before is kept"
        )

    def _evaluate(self, metrics, progress):
        loss = self.validate()
        metrics.write(self.state.step, "validation", loss=loss)
        best = loss < self.state.best_validation_loss
        progress.validation(self.state.step, loss, best)
        if best:
            self.state.best_validation_loss, self.state.best_step = loss, self.state.step
            self.save_model()

    def save_model(self):
        """Writes the model directory into the run directory."""
        save_model_directory(
            self.run_dir, self.config, model_weights(self.model, self.config), self.corpus.tokenizer
        )

    def _save_checkpoint(self):
        save_checkpoint(
            self.run_dir / CHECKPOINTS,
            self.state.step,
            self.variables,
            dataclasses.asdict(self.state),
            keep=self.rhythm.keep_checkpoints,
        )

    def _deferred_signals(self):
        return _DeferredSignals(self)


class _DeferredSignals:
    """Turns the first Ctrl-C or SIGTERM into a wish that the loop meets between two steps; a second one acts at
    once."""

    def __init__(self, trainer):
        self._trainer = trainer
        self._former = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._former[number] = signal.signal(number, self._wish)
            except ValueError:  # not the main thread: the caller's own business
                break

    def __exit__(self, *_):
        for number, former in self._former.items():
            signal.signal(number, former)

    def _wish(self, number, _):
        if self._trainer._stop_signal is not None:
            raise KeyboardInterrupt
        self._trainer._stop_signal = number


def trained_variables(model, settings: TrainingSettings) -> list:
    """The model's variables without those that fine-tuning leaves as they are."""
    frozen = [f"block_{index}_" for index in range(settings.frozen_layers)]
    if settings.freeze_embeddings:
        frozen += ["token_embedding/", "position_embedding/"]
    return [v for v in model.trainable_variables if not v.path.startswith(tuple(frozen))]


def describe_device() -> str:
    """The device that TensorFlow computes on, for the person at the terminal."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus]
    return ", ".join(names)

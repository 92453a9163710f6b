"""What happens to a run in a week: spikes, NaN, an end of patience, stops amid a report, a full disk.

The learner is a stand-in whose losses are a function of the text it sees, so nothing is compiled.
"""

import dataclasses
import math
import os
import signal
import types
import zlib

import keras
import numpy as np
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.formats.training_checkpoint import open_checkpoint
from tf_gpt2.run_directory import (
    CHECKPOINTS,
    CONFIG_FILE,
    METRICS_FILE,
    checkpoint_path,
    checkpoint_steps,
    read_metrics,
)
from tf_gpt2.training import checkpoints
from tf_gpt2.training.batches import training_batches
from tf_gpt2.training.ending import refuse_ended, say_where_it_stopped
from tf_gpt2.training.loop import Trainer
from tf_gpt2.training.plan import TrainingOptions
from tf_gpt2.training.settings import Recipe, Rhythm, Schedule
from tf_gpt2.training.state import LoopState
from tf_gpt2.training.summary import summarise

STEPS, CONTEXT = 60, 8
RHYTHM = Rhythm(log_every=4, eval_every=20, sample_every=0, checkpoint_every=10)
TIMED = ("tokens_per_s", "input_wait")
BAD = (45, 46, 47)  # batches, numbered from 0


class _Learner:
    """Its weights are sums over what it saw; its loss jumps at bad batches, and stays NaN from a step on."""

    def __init__(self, bad=(), nan_from=None, validation=lambda step: 4 - step / 100):
        self.recipe, self.parts = Recipe(batch_size=2, seed=3), 1
        self.rows, self.shard = 2, {}
        self.average = self.beside = None
        self.model = types.SimpleNamespace(variables=[])
        self.variables = [keras.Variable(np.zeros(3, np.float32), name="sums")]
        self._bad, self._nan_from, self._validation = set(bad), nan_from, validation
        self.seen, self.steps = [], 0

    def step(self, x, y, learning_rate):
        total = zlib.crc32(np.asarray(x).tobytes()) % (1 << 20)
        self.variables[0].assign_add(np.float32([total, learning_rate, 1]))
        self.seen.append(total)
        if self._nan_from and self.variables[0][2] >= self._nan_from:
            return math.nan
        return 50.0 if total in self._bad else 4 + total % 7 / 100

    def share(self):
        """It is alone."""

    def agreed(self, wish):
        return wish

    def copied_weights(self):
        return []

    def update_figures(self, before):
        return {"gradient_norm": 0.5, "update_ratio": 0.25}

    def mean_loss(self, batches):
        assert sum(1 for _ in batches) > 1
        return self._validation(int(self.variables[0][2])), 100


class _Keeper:
    def __init__(self):
        self.saved = []

    def snapshot(self):
        return lambda: self.saved.append("copy")

    def save(self):
        self.saved.append("model")

    def load(self):
        pass

    def describe(self):
        return {}

    def write_sample(self, step):
        return ""


@pytest.fixture(scope="module")
def corpus(small_corpus):
    return small_corpus


@pytest.fixture(scope="module")
def batches(corpus):
    """What the stand-in sees of each batch, in the order of the text."""
    learner = _Learner()
    for x, y in training_batches(corpus, learner, CONTEXT).take(100):
        learner.step(x, y, 0.0)
    assert len(set(learner.seen)) == 100
    return learner.seen


def _trainer(run_dir, corpus, learner, rhythm=RHYTHM, **options):
    return Trainer(
        *(run_dir, learner, corpus, Schedule(steps=STEPS), rhythm),
        **{"context_length": CONTEXT, "keeper": _Keeper(), **options},
    )


def _files(run_dir):
    """Everything that must be the same whatever happened on the way."""
    newest = checkpoint_steps(run_dir / CHECKPOINTS)[-1]
    with open_checkpoint(checkpoint_path(run_dir / CHECKPOINTS, newest)) as file:
        stored = dict(file.metadata()), {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118
    lines = [line.model_dump() for line in read_metrics(run_dir).lines]
    return stored, [{name: v for name, v in line.items() if name not in TIMED} for line in lines]


@pytest.fixture(scope="module")
def spiked(tmp_path_factory, corpus, batches):
    """A run that met a spike: (trainer, what it saw)."""
    learner = _Learner(bad=[batches[number] for number in BAD])
    trainer = _trainer(tmp_path_factory.mktemp("spiked"), corpus, learner)
    trainer.train()
    return trainer


def test_after_a_spike_it_goes_on_from_the_checkpoint_before_it_with_other_text(spiked, batches, capfd):
    assert spiked.learner.seen == [*batches[:48], *batches[48:68]]
    state = spiked.state
    assert (state.step, state.skipped_batches, state.rollbacks, state.tries) == (STEPS, 8, 1, 0)
    assert float(spiked.learner.variables[0][2]) == STEPS
    lines = read_metrics(spiked.run_dir).lines
    assert [line.step for line in lines if line.split == "train"] == list(range(4, 61, 4))
    assert all(line.loss < 5 for line in lines if line.split != "rollback")
    (rollback,) = [line for line in lines if line.split == "rollback"]
    assert rollback.step == 41 and rollback.model_extra == {
        **{"loss_in_trouble": 50.0, "first_trouble_step": 46.0, "last_trouble_step": 48.0},
        **{"skipped_batches": 8.0, "tries": 1.0},
    }


def test_a_kill_after_going_back_changes_nothing(spiked, tmp_path, corpus, batches):
    bad = [batches[number] for number in BAD]
    killed = _trainer(tmp_path, corpus, _Learner(bad=bad))
    step = killed.learner.step
    killed.learner.step = lambda *given: 1 / 0 if len(killed.learner.seen) == 50 else step(*given)
    with pytest.raises(ZeroDivisionError):
        killed.train()
    again = _trainer(tmp_path, corpus, _Learner(bad=bad))
    assert again.restore() and again.state.step == 40
    again.train()
    assert _files(tmp_path) == _files(spiked.run_dir)


@pytest.mark.parametrize("stop_at", [43, 46, 48, 51])
def test_a_stop_before_amid_or_after_a_spike_changes_nothing(spiked, tmp_path, corpus, batches, stop_at):
    bad = [batches[number] for number in BAD]
    stopped = _trainer(tmp_path, corpus, _Learner(bad=bad))
    step = stopped.learner.step

    def stop_then_step(*given):
        if len(stopped.learner.seen) + 1 == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        return step(*given)

    stopped.learner.step = stop_then_step
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    again = _trainer(tmp_path, corpus, _Learner(bad=bad))
    assert again.restore()
    again.train()
    assert _files(tmp_path) == _files(spiked.run_dir)


def test_going_back_has_a_limit(tmp_path, corpus):
    trainer = _trainer(tmp_path, corpus, _Learner(nan_from=46))
    with pytest.raises(
        UserError, match="stay finite; the loss is nan at step 46 .* after going back 3 times"
    ) as error:
        trainer.train()
    assert "\n" not in str(error.value)
    assert trainer.state.skipped_batches == 18
    assert [line.split for line in read_metrics(tmp_path).lines].count("rollback") == 3


def test_what_shows_in_the_next_loss_makes_a_checkpoint_bad(tmp_path, corpus):
    """The update of step 40 itself made it NaN, so the checkpoint of step 40 is no good."""
    learner = _Learner()
    step = learner.step

    def step_into_nan(*given):
        loss = step(*given)
        return math.nan if len(learner.seen) == 41 else loss

    learner.step = step_into_nan
    trainer = _trainer(tmp_path, corpus, learner)
    trainer.train()
    assert trainer.state.skipped_batches == 41 - 30


def test_without_a_checkpoint_nan_is_one_line_and_a_rise_is_borne(tmp_path, corpus, batches):
    rhythm = dataclasses.replace(RHYTHM, checkpoint_every=0)
    with pytest.raises(UserError, match="stay finite; the loss is nan at step 12 with the learning rate [^,]*Try"):
        _trainer(tmp_path / "nan", corpus, _Learner(nan_from=12), rhythm).train()
    for folder, options in (("none", {"rhythm": rhythm}), ("never", {"most_rollbacks": 0})):
        trainer = _trainer(tmp_path / folder, corpus, _Learner(bad=[batches[n] for n in BAD]), **options)
        trainer.train()
        assert trainer.learner.seen == batches[:STEPS] and trainer.state.rollbacks == 0


def test_without_checkpoints_on_the_way_the_last_one_is_written_and_the_run_is_known_for_finished(tmp_path, corpus):
    rhythm = dataclasses.replace(RHYTHM, checkpoint_every=0)
    _trainer(tmp_path, corpus, _Learner(), rhythm).train()
    assert checkpoint_steps(tmp_path / CHECKPOINTS) == [STEPS]
    again = _trainer(tmp_path, corpus, _Learner(), rhythm)
    assert again.restore()
    with pytest.raises(UserError, match="holds a finished run of 60 steps"):
        refuse_ended(again, TrainingOptions())
    longer = _trainer(tmp_path, corpus, _Learner(), rhythm)
    longer.schedule = longer.schedule.changed(STEPS + 5, STEPS)
    longer.restore()
    assert longer.train().step == STEPS + 5
    assert len(longer.learner.seen) == 5


def test_an_odd_batch_or_two_is_no_spike(tmp_path, corpus, batches):
    trainer = _trainer(tmp_path, corpus, _Learner(bad=[batches[40], batches[41], batches[43]]))
    trainer.train()
    assert trainer.state.rollbacks == 0


def test_patience_ends_a_training_and_is_counted_over_stops(tmp_path, corpus):
    rhythm = dataclasses.replace(RHYTHM, eval_every=5)
    losses = {5: 4.0, 10: 3.0, 15: 3.5, 20: 2.9, 25: 2.9, 30: 3.0, 35: 3.1}

    def train(run_dir, stop_at=None):
        trainer = _trainer(run_dir, corpus, _Learner(validation=losses.__getitem__), rhythm, patience=3)
        if stop_at:
            trainer._keeper.write_sample = lambda step: (
                step == stop_at and os.kill(os.getpid(), signal.SIGINT) or ""
            )
            trainer.rhythm = dataclasses.replace(rhythm, sample_every=stop_at)
        trainer.restore()
        trainer.train()
        return trainer

    whole = train(tmp_path / "whole")
    assert whole.validation.out_of_patience(whole.state) and whole.state.step == 35 and whole.state.best_step == 20
    lines = read_metrics(whole.run_dir).lines
    assert [line.model_extra["without_better"] for line in lines if line.split == "validation"] == [
        0,
        0,
        1,
        0,
        1,
        2,
        3,
    ]
    assert (lines[-1].split, lines[-1].step, lines[-1].loss) == ("early_end", 35, 2.9)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "parts", stop_at=27)
    assert train(tmp_path / "parts").state == whole.state
    assert _files(tmp_path / "parts") == _files(whole.run_dir)


@pytest.mark.parametrize(
    ("step", "without_better", "said"),
    [
        (60, 0, "holds a finished run of 60 steps"),
        (35, 3, "ended at step 35: 3 validations.* a `patience` above 3"),
    ],
)
def test_a_run_that_ended_is_refused_with_what_would_go_on(tmp_path, corpus, step, without_better, said):
    trainer = _trainer(tmp_path, corpus, _Learner(), patience=3)
    trainer.state.step, trainer.state.without_better = 35, 2
    refuse_ended(trainer, TrainingOptions(patience=3))
    trainer.state.step, trainer.state.without_better = step, without_better
    with pytest.raises(UserError, match=said):
        refuse_ended(trainer, TrainingOptions(patience=3))
    assert trainer._keeper.saved == ["model"]


def test_a_run_that_ended_by_copying_is_known_for_it_and_goes_on_with_a_larger_share(tmp_path, corpus):
    def restored(limit):
        def originality(_):
            return {"copied_share": trainer.state.step / 100}

        trainer = _trainer(tmp_path, corpus, _Learner(), originality=originality, stop_when_copying=limit)
        trainer.restore()
        return trainer

    ended = restored(0.3)
    assert ended.train().step == 40
    with pytest.raises(
        UserError, match=r"ended at step 40: 40.0 % of .* is copied; give a `stop_when_copying` above 0.3"
    ):
        refuse_ended(restored(0.3), TrainingOptions(stop_when_copying=0.3))
    for limit in (0.5, None):
        refuse_ended(restored(limit), TrainingOptions(stop_when_copying=limit))
    assert restored(0.5).train().step == STEPS


def test_a_validated_run_that_goes_on_without_validations_keeps_the_model_it_tells_of(tmp_path, corpus, caplog):
    corpus = dataclasses.replace(corpus, test=corpus.validation)
    _trainer(tmp_path, corpus, _Learner()).train()
    longer = _trainer(tmp_path, corpus, _Learner(), dataclasses.replace(RHYTHM, eval_every=0))
    longer.restore()
    longer.schedule = longer.schedule.changed(STEPS + 20, STEPS)
    loaded = []
    longer._keeper.load = lambda: loaded.append(len(longer._keeper.saved))
    with caplog.at_level("INFO"):
        longer.train()
        result = summarise(longer, corpus)
    assert (longer._keeper.saved, loaded) == ([], [0])  # the one that is measured at the end too
    assert result.best_step == STEPS == read_metrics(tmp_path).best_step and longer.state.step == STEPS + 20
    assert "the model of step 60 stays the one that is kept" in caplog.text
    without = _trainer(tmp_path / "never", corpus, _Learner(), dataclasses.replace(RHYTHM, eval_every=0))
    without.train()
    assert without._keeper.saved[-1] == "model" and without.test_loss is None


def test_a_signal_amid_a_validation_breaks_it_off_and_it_comes_again(tmp_path, corpus):
    whole = _trainer(tmp_path / "whole", corpus, _Learner())
    whole.train()
    stopped = _trainer(tmp_path / "parts", corpus, _Learner())

    def mean_loss(batches):
        os.kill(os.getpid(), signal.SIGTERM)
        return 0.0, len(list(batches))

    stopped.learner.mean_loss = mean_loss
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    assert stopped.state.step == 20 and "validation" not in (tmp_path / "parts" / METRICS_FILE).read_text()
    again = _trainer(tmp_path / "parts", corpus, _Learner())
    assert again.restore() and again.state.owed == ["eval"]
    again.train()
    assert _files(tmp_path / "parts") == _files(tmp_path / "whole")


def _stopping_at(validation, learner, stop=lambda: os.kill(os.getpid(), signal.SIGTERM)):
    """Stops at so manieth a measuring, from 1."""
    measure, times = learner.mean_loss, iter(range(1, 100))

    def mean_loss(batches):
        if next(times) == validation:
            stop()
        return measure(batches)

    learner.mean_loss = mean_loss
    return learner


def _interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("stopped_at", "stop", "owed"),
    [
        pytest.param(3, lambda: os.kill(os.getpid(), signal.SIGTERM), ["eval"], id="amid the last validation"),
        pytest.param(4, _interrupt, [], id="amid the test span"),
    ],
)
def test_a_stop_at_the_very_end_is_made_good_once(tmp_path, corpus, stopped_at, stop, owed):
    corpus = dataclasses.replace(corpus, test=corpus.validation)
    whole = _trainer(tmp_path / "whole", corpus, _Learner())
    whole.train()
    stopped = _trainer(tmp_path / "parts", corpus, _stopping_at(stopped_at, _Learner(), stop))
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    again = _trainer(tmp_path / "parts", corpus, _Learner())
    assert again.restore() and (again.state.step, again.state.owed) == (STEPS, owed)
    refuse_ended(again, TrainingOptions())
    again.train()
    assert again.test_loss == whole.test_loss is not None
    assert _files(tmp_path / "parts") == _files(tmp_path / "whole")
    once_more = _trainer(tmp_path / "parts", corpus, _Learner())
    once_more.restore()
    with pytest.raises(UserError, match="holds a finished run"):
        refuse_ended(once_more, TrainingOptions())


def test_an_end_of_patience_that_was_stopped_at_the_test_span_is_made_good(tmp_path, corpus):
    corpus = dataclasses.replace(corpus, test=corpus.validation)

    def trainer(learner):
        return _trainer(tmp_path, corpus, learner, patience=1)

    learner = _Learner(validation=lambda step: 4.0)
    with pytest.raises(KeyboardInterrupt):
        trainer(_stopping_at(3, learner, _interrupt)).train()
    again = trainer(_Learner(validation=lambda step: 4.0))
    again.restore()
    refuse_ended(again, TrainingOptions(patience=1))
    assert again.train().step == 40 and again.learner.seen == []
    lines = [(line.split, line.step) for line in read_metrics(tmp_path).lines if line.split != "train"]
    assert lines == [("validation", 20), ("validation", 40), ("early_end", 40), ("test", 40)]
    once_more = trainer(_Learner())
    once_more.restore()
    with pytest.raises(UserError, match="ended at step 40"):
        refuse_ended(once_more, TrainingOptions(patience=1))


@pytest.mark.parametrize(
    ("step", "signals", "said"),
    [
        (15, 1, "stopped at step 15, which is saved; the same command goes on from there"),
        (
            15,
            2,
            "stopped at step 14, which is not saved; the same command goes on from step 10, the newest that is",
        ),
        (5, 2, "stopped at step 4, nothing is saved yet, and the same command begins anew"),
    ],
)
def test_what_is_said_of_a_stop_is_so(tmp_path, corpus, caplog, step, signals, said):
    trainer = _trainer(tmp_path, corpus, _Learner())
    take = trainer.learner.step

    def step_and_stop(*given):
        for _ in range(signals if len(trainer.learner.seen) + 1 == step else 0):
            os.kill(os.getpid(), signal.SIGINT)
        return take(*given)

    trainer.learner.step = step_and_stop
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    with caplog.at_level("INFO"):
        say_where_it_stopped(trainer)
    assert caplog.messages[-1] == said
    (tmp_path / CONFIG_FILE).touch()
    with caplog.at_level("INFO"):
        say_where_it_stopped(trainer)
    assert caplog.messages[-1] == f"{said}, and the model so far is in {tmp_path}"


def test_what_is_saved_amid_a_report_that_takes_too_long_goes_on_as_well(tmp_path, corpus):
    whole = _trainer(tmp_path / "whole", corpus, _Learner())
    whole.train()
    killed = _trainer(tmp_path / "parts", corpus, _Learner(), originality=lambda _: (killed._save_at_rest(), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        killed.train()
    again = _trainer(tmp_path / "parts", corpus, _Learner())
    assert again.restore() and again.state.step == 20
    again.train()
    assert _files(tmp_path / "parts") == _files(tmp_path / "whole")


def test_a_report_that_ends_amid_the_saving_leaves_nothing_torn(tmp_path, corpus):
    trainer = _trainer(tmp_path, corpus, _Learner())
    assert trainer._saver.save_at_rest(2) is None  # no report
    trainer._saver.at_rest = LoopState(step=7)

    def checkpoint(state, keep):
        trainer._saver.at_rest = None
        return [lambda: pytest.fail("steps change what is copied")]

    trainer._saver.checkpoint = checkpoint
    assert trainer._saver.save_at_rest(2) is None


def test_a_full_disk_reaches_the_loop_as_one_line(tmp_path, corpus, monkeypatch):
    def refuse(*_):
        raise UserError("cannot write step-00000010.safetensors: No space left on device; free space")

    monkeypatch.setattr(checkpoints, "write_checkpoint", refuse)
    trainer = _trainer(tmp_path, corpus, _Learner())
    with pytest.raises(UserError, match="No space left"):
        trainer.train()
    assert 10 <= trainer.state.step <= 20

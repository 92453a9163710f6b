"""What happens to a run in a week: spikes, NaN, an end of patience, stops amid a report, a full disk.

The learner is a stand-in whose losses are a function of the text it sees, so nothing is compiled.
"""

import dataclasses
import math
import os
import signal

import pytest
from stand_in_training import CONTEXT, RHYTHM, STEPS, StandInLearner, files_of, trainer_of

from tf_gpt2.errors import UserError
from tf_gpt2.run_directory import (
    CHECKPOINTS,
    METRICS_FILE,
    checkpoint_steps,
    read_metrics,
)
from tf_gpt2.training import checkpoints
from tf_gpt2.training.batches import training_batches
from tf_gpt2.training.ending import refuse_ended
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.state import LoopState

BAD = (45, 46, 47)  # batches, numbered from 0


@pytest.fixture(scope="module")
def corpus(small_corpus):
    return small_corpus


@pytest.fixture(scope="module")
def batches(corpus):
    """What the stand-in sees of each batch, in the order of the text."""
    learner = StandInLearner()
    for x, y in training_batches(corpus, learner, CONTEXT).take(100):
        learner.step(x, y, 0.0)
    assert len(set(learner.seen)) == 100
    return learner.seen


@pytest.fixture(scope="module")
def spiked(tmp_path_factory, corpus, batches):
    """A run that met a spike: (trainer, what it saw)."""
    learner = StandInLearner(bad=[batches[number] for number in BAD])
    trainer = trainer_of(tmp_path_factory.mktemp("spiked"), corpus, learner)
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
    killed = trainer_of(tmp_path, corpus, StandInLearner(bad=bad))
    step = killed.learner.step
    killed.learner.step = lambda *given: 1 / 0 if len(killed.learner.seen) == 50 else step(*given)
    with pytest.raises(ZeroDivisionError):
        killed.train()
    again = trainer_of(tmp_path, corpus, StandInLearner(bad=bad))
    assert again.restore() and again.state.step == 40
    again.train()
    assert files_of(tmp_path) == files_of(spiked.run_dir)


@pytest.mark.parametrize("stop_at", [43, 46, 48, 51])
def test_a_stop_before_amid_or_after_a_spike_changes_nothing(spiked, tmp_path, corpus, batches, stop_at):
    bad = [batches[number] for number in BAD]
    stopped = trainer_of(tmp_path, corpus, StandInLearner(bad=bad))
    step = stopped.learner.step

    def stop_then_step(*given):
        if len(stopped.learner.seen) + 1 == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        return step(*given)

    stopped.learner.step = stop_then_step
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    again = trainer_of(tmp_path, corpus, StandInLearner(bad=bad))
    assert again.restore()
    again.train()
    assert files_of(tmp_path) == files_of(spiked.run_dir)


def test_going_back_has_a_limit(tmp_path, corpus):
    trainer = trainer_of(tmp_path, corpus, StandInLearner(nan_from=46))
    with pytest.raises(
        UserError, match="stay finite; the loss is nan at step 46 .* after going back 3 times"
    ) as error:
        trainer.train()
    assert "\n" not in str(error.value)
    assert trainer.state.skipped_batches == 18
    assert [line.split for line in read_metrics(tmp_path).lines].count("rollback") == 3


def test_what_shows_in_the_next_loss_makes_a_checkpoint_bad(tmp_path, corpus):
    """The update of step 40 itself made it NaN, so the checkpoint of step 40 is no good."""
    learner = StandInLearner()
    step = learner.step

    def step_into_nan(*given):
        loss = step(*given)
        return math.nan if len(learner.seen) == 41 else loss

    learner.step = step_into_nan
    trainer = trainer_of(tmp_path, corpus, learner)
    trainer.train()
    assert trainer.state.skipped_batches == 41 - 30


def test_without_a_checkpoint_nan_is_one_line_and_a_rise_is_borne(tmp_path, corpus, batches):
    rhythm = dataclasses.replace(RHYTHM, checkpoint_every=0)
    with pytest.raises(UserError, match="stay finite; the loss is nan at step 12 with the learning rate [^,]*Try"):
        trainer_of(tmp_path / "nan", corpus, StandInLearner(nan_from=12), rhythm).train()
    for folder, options in (("none", {"rhythm": rhythm}), ("never", {"most_rollbacks": 0})):
        trainer = trainer_of(tmp_path / folder, corpus, StandInLearner(bad=[batches[n] for n in BAD]), **options)
        trainer.train()
        assert trainer.learner.seen == batches[:STEPS] and trainer.state.rollbacks == 0


def test_without_checkpoints_on_the_way_the_last_one_is_written_and_the_run_is_known_for_finished(tmp_path, corpus):
    rhythm = dataclasses.replace(RHYTHM, checkpoint_every=0)
    trainer_of(tmp_path, corpus, StandInLearner(), rhythm).train()
    assert checkpoint_steps(tmp_path / CHECKPOINTS) == [STEPS]
    again = trainer_of(tmp_path, corpus, StandInLearner(), rhythm)
    assert again.restore()
    with pytest.raises(UserError, match="holds a finished run of 60 steps"):
        refuse_ended(again, TrainingOptions())
    longer = trainer_of(tmp_path, corpus, StandInLearner(), rhythm)
    longer.schedule = longer.schedule.changed(STEPS + 5, STEPS)
    longer.restore()
    assert longer.train().step == STEPS + 5
    assert len(longer.learner.seen) == 5


def test_an_odd_batch_or_two_is_no_spike(tmp_path, corpus, batches):
    trainer = trainer_of(tmp_path, corpus, StandInLearner(bad=[batches[40], batches[41], batches[43]]))
    trainer.train()
    assert trainer.state.rollbacks == 0


def test_a_signal_amid_a_validation_breaks_it_off_and_it_comes_again(tmp_path, corpus):
    whole = trainer_of(tmp_path / "whole", corpus, StandInLearner())
    whole.train()
    stopped = trainer_of(tmp_path / "parts", corpus, StandInLearner())

    def mean_loss(batches):
        os.kill(os.getpid(), signal.SIGTERM)
        return 0.0, len(list(batches))

    stopped.learner.mean_loss = mean_loss
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    assert stopped.state.step == 20 and "validation" not in (tmp_path / "parts" / METRICS_FILE).read_text()
    again = trainer_of(tmp_path / "parts", corpus, StandInLearner())
    assert again.restore() and again.state.owed == ["eval"]
    again.train()
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")


def test_what_is_saved_amid_a_report_that_takes_too_long_goes_on_as_well(tmp_path, corpus):
    whole = trainer_of(tmp_path / "whole", corpus, StandInLearner())
    whole.train()

    def originality(_):
        killed._save_at_rest()
        raise ZeroDivisionError

    killed = trainer_of(tmp_path / "parts", corpus, StandInLearner(), originality=originality)
    with pytest.raises(ZeroDivisionError):
        killed.train()
    again = trainer_of(tmp_path / "parts", corpus, StandInLearner())
    assert again.restore() and again.state.step == 20
    again.train()
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")


def test_a_report_that_ends_amid_the_saving_leaves_nothing_torn(tmp_path, corpus):
    trainer = trainer_of(tmp_path, corpus, StandInLearner())
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
    trainer = trainer_of(tmp_path, corpus, StandInLearner())
    with pytest.raises(UserError, match="No space left"):
        trainer.train()
    assert 10 <= trainer.state.step <= 20

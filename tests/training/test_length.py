"""How long a run is, when it begins and when it goes on."""

import dataclasses
import json

import pytest

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.schemas import TrainingSection
from tf_gpt2.training.length import Length, plan_length, plan_steps, planned_minutes, steps_in
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.plan import plan_recipe
from tf_gpt2.training.settings import Schedule

CONFIG = GPT2Config(vocabulary_size=50, context_length=10, num_layers=2, num_heads=2, hidden_dim=8)


def test_the_presets_of_a_laptop_train_by_the_clock():
    assert planned_minutes(TrainingOptions()) == 4
    assert planned_minutes(TrainingOptions(preset="evening")) == 60
    assert planned_minutes(TrainingOptions(preset="jinyong")) is None
    assert planned_minutes(TrainingOptions(init_from="model")) is None
    assert planned_minutes(TrainingOptions(epochs=2.0)) is None
    assert planned_minutes(TrainingOptions(preset="jinyong", minutes=7.0)) == 7
    assert planned_minutes(TrainingOptions(effort="evening", preset="jinyong")) == 60
    assert planned_minutes(TrainingOptions(effort="evening", minutes=120.0)) == 120  # so it can be made longer
    assert planned_minutes(TrainingOptions(effort="evening", steps=9)) is None
    assert steps_in(2, 0.5) == 240
    assert steps_in(0.001, 10) == 1


def test_epochs_are_passes_over_the_windows():
    recipe = plan_recipe(TrainingOptions(batch_size=4), CONFIG)
    assert plan_steps(TrainingOptions(epochs=3.0), recipe, 101, 10) == 8  # 10 windows, 30 samples, 4 a step
    assert plan_steps(TrainingOptions(steps=5), recipe, 101, 10) == 5


def _length(stored=None, done=0, seconds=None, **asked):
    def seconds_per_step():
        assert seconds is not None, "nothing is to be timed"
        return seconds

    options = TrainingOptions(**{"batch_size": 4, **asked})
    return plan_length(options, plan_recipe(options, CONFIG), 101, 10, seconds_per_step, stored, done)


def _stored(length):
    return {**dataclasses.asdict(length.schedule), "minutes": length.minutes}


def test_a_new_run_is_timed_only_when_the_clock_decides():
    assert _length(steps=7).schedule.steps == 7
    timed = _length(minutes=2.0, seconds=0.5)
    assert (timed.schedule.steps, timed.minutes) == (240, 2.0)


def test_the_same_command_goes_on_to_the_same_end_untimed():
    timed = _length(minutes=2.0, seconds=0.5)
    assert _length(_stored(timed), 100, minutes=2.0) == timed
    assert _length(_stored(timed), 240, minutes=2.0) == timed
    by_steps = _length(steps=600)
    assert _length(_stored(by_steps), 100, steps=600) == by_steps
    assert _length(_stored(by_steps), 100) == by_steps  # the demo's minutes are for new runs


def test_more_is_more_whatever_it_is_measured_in():
    timed = _length(minutes=2.0, seconds=0.5)
    longer = _length(_stored(timed), 240, minutes=3.0)  # as fast as before, not timed again
    assert (longer.schedule.steps, longer.minutes) == (360, 3.0)
    assert _length(_stored(longer), 300, minutes=3.0) == longer  # resuming the longer run
    assert _length(_stored(timed), 240, steps=1000).schedule.steps == 1000
    assert _length(_stored(_length(steps=10)), 10, minutes=1.0, seconds=0.1).schedule.steps == 600
    assert _length(_stored(_length(epochs=3.0)), 8, epochs=6.0).schedule.steps == 15


def test_less_than_is_done_is_refused_and_less_than_was_planned_is_not():
    stored = _stored(_length(steps=600))
    with pytest.raises(UserError, match=r"`steps`=200 is a run of 200 steps, and 300 are done"):
        _length(stored, 300, steps=200)
    assert _length(stored, 300, steps=400).schedule.steps == 400


def test_a_run_without_a_checkpoint_keeps_its_length_untimed_and_may_take_another():
    timed = _length(minutes=2.0, seconds=0.5)
    assert _length(_stored(timed), 0, minutes=2.0) == timed
    longer = _length(_stored(timed), 0, minutes=4.0)
    assert longer.schedule == dataclasses.replace(timed.schedule, steps=480) and longer.minutes == 4.0
    lengthened = _length(_stored(timed), 100, minutes=4.0)  # and then all checkpoints were removed
    assert _length(_stored(lengthened), 0, minutes=4.0) == longer


def test_the_warm_up_of_the_beginning_stays():
    stored = _stored(_length(steps=200))
    assert stored["warmup_steps"] == 10
    assert _length(stored, 5, steps=2000).schedule.warmup_steps == 10


def test_the_peak_of_the_beginning_stays():
    stored = _stored(_length(steps=600))
    longer = _length(stored, 300, steps=2000)
    assert longer.schedule.learning_rate == stored["learning_rate"] > _length(steps=2000).schedule.learning_rate
    assert _length(_stored(longer), 1000, steps=2000) == longer


@pytest.mark.parametrize("done", [300, 600])
def test_the_rate_goes_on_without_a_jump_and_then_along_the_longer_cosine(done):
    before = Schedule(steps=600, learning_rate=1e-3, warmup_steps=20)
    after = before.changed(1200, done)
    whole = Schedule(steps=1200, learning_rate=1e-3, warmup_steps=20)
    rates = [before.rate_after(step) for step in range(done)] + [
        after.rate_after(step) for step in range(done, 1200)
    ]
    steps = [abs(b - a) for a, b in zip(rates[20:], rates[21:], strict=False)]
    assert max(steps) < 2e-5
    assert rates[done + after.ramp_steps :] == [whole.rate_after(s) for s in range(done + after.ramp_steps, 1200)]
    assert after.ramp_steps == (1200 - done) // 20
    assert Length(after).schedule.rate_after(1199) == pytest.approx(1e-4, rel=1e-2)


FINISHED = Schedule(steps=1000, learning_rate=1e-3, warmup_steps=50)


def _rates(schedule, first, last):
    return [schedule.rate_after(step) for step in range(first, last)]


def test_a_change_that_no_step_saw_leaves_no_jump():
    """A finished run was to have 20,000 steps, was stopped before one of them, and is to have 2,000."""
    last_used = FINISHED.rate_after(999)
    unused = FINISHED.changed(20_000, 1000)
    again = unused.changed(2000, 1000)
    assert again == FINISHED.changed(2000, 1000) and again.changed_from == last_used
    assert max(b / a for a, b in zip(_rates(again, 999, 1999), _rates(again, 1000, 2000), strict=True)) < 1.2
    before = dataclasses.replace(unused, former=None)  # of an earlier version, which knew no more
    assert before.changed(2000, 1000).rate_after(1000) < 1.2 * last_used


def test_a_run_that_goes_back_before_a_change_of_length_has_the_rates_it_had():
    """After a rollback, say, or where the newest checkpoint is damaged."""
    longer = FINISHED.changed(20_000, 1000)
    assert _rates(longer, 900, 1000) == _rates(FINISHED, 900, 1000)
    in_the_ramp = longer.changed(2000, 1010)
    assert _rates(in_the_ramp, 900, 1010) == [*_rates(FINISHED, 900, 1000), *_rates(longer, 1000, 1010)]
    from_there = longer.changed(2000, 900)
    assert from_there.changed_from == FINISHED.rate_after(899)
    assert _rates(from_there, 800, 900) == _rates(FINISHED, 800, 900)
    before = dataclasses.replace(longer, former=None)  # of an earlier version
    assert set(_rates(before, 900, 1000)) == {FINISHED.rate_after(999)}


def test_what_was_before_a_change_is_stored_and_does_not_grow_for_ever():
    length = _length(steps=600)
    for done in range(500, 20_000, 500):
        length = _length(stored := json.loads(json.dumps(_stored(length))), done, steps=done + 1000)
        TrainingSection.model_validate(stored)
        assert _length(_stored(length), done + 1, steps=done + 1000) == length
    assert length.schedule.former.former.former is None
    assert Schedule.of({**_stored(length), "of a newer version": 1}) == length.schedule

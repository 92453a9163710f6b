"""How a training ends: at its last step, of patience, by copying, by a stop at the very end; what is said of it."""

import dataclasses
import os
import signal

import pytest
from stand_in_training import RHYTHM, STEPS, StandInLearner, files_of, trainer_of

from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.bigram import Bigram
from tf_gpt2.run_directory import CONFIG_FILE, read_metrics
from tf_gpt2.training.ending import refuse_ended, say_where_it_stopped
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.summary import summarise


@pytest.fixture(scope="module")
def corpus(small_corpus):
    return small_corpus


def test_patience_ends_a_training_and_is_counted_over_stops(tmp_path, corpus):
    rhythm = dataclasses.replace(RHYTHM, eval_every=5)
    losses = {5: 4.0, 10: 3.0, 15: 3.5, 20: 2.9, 25: 2.9, 30: 3.0, 35: 3.1}

    def train(run_dir, stop_at=None):
        trainer = trainer_of(run_dir, corpus, StandInLearner(validation=losses.__getitem__), rhythm, patience=3)
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
    assert files_of(tmp_path / "parts") == files_of(whole.run_dir)


@pytest.mark.parametrize(
    ("step", "without_better", "said"),
    [
        (60, 0, "holds a finished run of 60 steps"),
        (35, 3, "ended at step 35: 3 validations.* a `patience` above 3"),
    ],
)
def test_a_run_that_ended_is_refused_with_what_would_go_on(tmp_path, corpus, step, without_better, said):
    trainer = trainer_of(tmp_path, corpus, StandInLearner(), patience=3)
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

        trainer = trainer_of(tmp_path, corpus, StandInLearner(), originality=originality, stop_when_copying=limit)
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
    trainer_of(tmp_path, corpus, StandInLearner()).train()
    longer = trainer_of(tmp_path, corpus, StandInLearner(), dataclasses.replace(RHYTHM, eval_every=0))
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
    without = trainer_of(tmp_path / "never", corpus, StandInLearner(), dataclasses.replace(RHYTHM, eval_every=0))
    without.train()
    assert without._keeper.saved[-1] == "model" and without.test_loss is None


@pytest.mark.parametrize("tested", [True, False])
def test_the_bigram_stands_beside_each_held_out_text(tmp_path, corpus, caplog, tested):
    """A book's end may be harder than what comes before it, for any model."""
    if tested:
        corpus = dataclasses.replace(corpus, test=corpus.train)
    trainer = trainer_of(tmp_path, corpus, StandInLearner())
    with caplog.at_level("INFO"):
        trainer.train()
        result = summarise(trainer, corpus)
    bigram = Bigram(corpus.train, corpus.tokenizer.vocab_size)
    expected = {"validation": bigram.cross_entropy_per_character(corpus.validation)}
    if tested:
        expected["test"] = bigram.cross_entropy_per_character(corpus.train)
        assert expected["test"] < expected["validation"]
    shown = ", ".join(f"{name} {loss:.3f}" for name, loss in expected.items())
    assert f"interpolated bigram on the same texts: {shown} nats per character" in caplog.text
    assert result.bigram_loss_per_character == expected["validation"]
    assert result.test_bigram_loss_per_character == expected.get("test")


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
    whole = trainer_of(tmp_path / "whole", corpus, StandInLearner())
    whole.train()
    stopped = trainer_of(tmp_path / "parts", corpus, _stopping_at(stopped_at, StandInLearner(), stop))
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    again = trainer_of(tmp_path / "parts", corpus, StandInLearner())
    assert again.restore() and (again.state.step, again.state.owed) == (STEPS, owed)
    refuse_ended(again, TrainingOptions())
    again.train()
    assert again.test_loss == whole.test_loss is not None
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")
    once_more = trainer_of(tmp_path / "parts", corpus, StandInLearner())
    once_more.restore()
    with pytest.raises(UserError, match="holds a finished run"):
        refuse_ended(once_more, TrainingOptions())


def test_an_end_of_patience_that_was_stopped_at_the_test_span_is_made_good(tmp_path, corpus):
    corpus = dataclasses.replace(corpus, test=corpus.validation)

    def trainer(learner):
        return trainer_of(tmp_path, corpus, learner, patience=1)

    learner = StandInLearner(validation=lambda step: 4.0)
    with pytest.raises(KeyboardInterrupt):
        trainer(_stopping_at(3, learner, _interrupt)).train()
    again = trainer(StandInLearner(validation=lambda step: 4.0))
    again.restore()
    refuse_ended(again, TrainingOptions(patience=1))
    assert again.train().step == 40 and again.learner.seen == []
    lines = [(line.split, line.step) for line in read_metrics(tmp_path).lines if line.split != "train"]
    assert lines == [("validation", 20), ("validation", 40), ("early_end", 40), ("test", 40)]
    once_more = trainer(StandInLearner())
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
    trainer = trainer_of(tmp_path, corpus, StandInLearner())
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

"""The chain of `effort`=thorough; what trains is a stand-in, but for the last test."""

import dataclasses
import json
import math
import shutil

import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.files import write_atomically
from tf_gpt2.run_directory import CHAIN_FILE, CHECKPOINTS, checkpoint_path, read_metrics
from tf_gpt2.training.chain import RunFinished, next_generation, train_chain
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.resuming import refuse_what_is_no_run
from tf_gpt2.training.summary import TrainingResult

ASKED = TrainingOptions(effort="thorough", steps=7, seed=3, multi_token_share=0.2)


class _Trainings:
    """Leaves what a run leaves: a loss of its own for each generation; stops, once, in the middle of one."""

    def __init__(self, losses, stops_in=None):
        self._losses, self._stops_in = losses, stops_in
        self.seen, self.shares = [], []

    def __call__(self, corpus, run_dir, options):
        number = int(run_dir.name)
        if (run_dir / "finished").exists():
            raise RunFinished("trained")
        run_dir.mkdir(parents=True, exist_ok=True)
        self.seen.append((number, options.seed, options.distill_from, options.effort, options.steps))
        self.shares.append(options.multi_token_share)
        if options.distill_from:
            assert all((run_dir.parent.parent / "generations" / str(number - 1) / "finished").exists() for _ in [0])
        (run_dir / "checkpoints").mkdir(exist_ok=True)
        if self._stops_in == number:
            self._stops_in = None
            raise KeyboardInterrupt
        loss = self._losses[number - 1]
        lines = [{"step": 5, "split": split, "loss": loss} for split in ("validation", "test")]
        (run_dir / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        for name in ("config.json", "training.json", "model.safetensors"):
            (run_dir / name).write_text(f"generation {number}")
        (run_dir / "finished").touch()
        return TrainingResult(run_dir, 7, 5, loss, 2 * loss, None, test_loss_per_character=3 * loss, test_loss=loss)


def _times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def _generations(run_dir):
    return sorted(path.name for path in (run_dir / "generations").iterdir())


def test_each_learns_from_the_one_before_while_the_loss_falls(tmp_path):
    trainings = _Trainings([4.0, 3.9, 3.85, 3.87])
    result = train_chain("novel.txt", tmp_path, ASKED, trainings)
    teachers = [None, *((str(tmp_path / "generations" / str(number)),) for number in (1, 2, 3))]
    assert trainings.seen == [(n, 2 + n, teachers[n - 1], None, 7) for n in (1, 2, 3, 4)]
    assert trainings.shares == [0.2, None, None, None]  # who has a teacher learns the next token from it
    assert (tmp_path / "model.safetensors").read_text() == "generation 3"
    assert read_metrics(tmp_path).best_validation_loss == result.validation_loss == 3.85
    assert result.run_dir == tmp_path and result.validation_loss_per_character == pytest.approx(7.7)
    assert _generations(tmp_path) == ["3"]
    with pytest.raises(UserError, match="holds a finished chain"):
        train_chain("novel.txt", tmp_path, ASKED, trainings)


def test_the_seed_after_the_last_is_the_first(tmp_path):
    trainings = _Trainings([4.0, 4.1])
    train_chain(None, tmp_path, dataclasses.replace(ASKED, seed=2**32 - 1), trainings)
    assert [seed for _, seed, *_ in trainings.seen] == [2**32 - 1, 0]


def test_a_gain_that_is_none_to_speak_of_is_kept_and_ends_it(tmp_path):
    train_chain(None, tmp_path, ASKED, _Trainings([4.0, 3.9995]))
    assert (tmp_path / "model.safetensors").read_text() == "generation 2"
    assert _generations(tmp_path) == ["2"]


def test_a_gain_that_another_seed_may_give_ends_the_chain(tmp_path):
    trainings = _Trainings([4.0, 3.9, 3.8925, 3.8])  # a hundredth is asked; the third is better all the same
    result = train_chain(None, tmp_path, ASKED, trainings)
    assert [number for number, *_ in trainings.seen] == [1, 2, 3]
    assert result.validation_loss == 3.8925


@pytest.mark.parametrize("stops_in", [1, 2, 3])
def test_a_stopped_chain_goes_on_where_it_was(tmp_path, stops_in):
    trainings = _Trainings([4.0, 3.9, 3.95], stops_in)
    with pytest.raises(KeyboardInterrupt):
        train_chain(None, tmp_path, ASKED, trainings)
    result = train_chain(None, tmp_path, ASKED, trainings)
    assert [number for number, *_ in trainings.seen] == sorted([1, 2, 3, stops_in])
    assert (tmp_path / "model.safetensors").read_text() == "generation 2"
    assert result.validation_loss == 3.9 and result.best_step == 5
    assert result.validation_loss_per_character == pytest.approx(7.8)
    assert result.test_loss == 3.9 and result.test_loss_per_character == pytest.approx(11.7)


def test_what_comes_next_is_known_and_nothing_changes_by_that(tmp_path):
    first = tmp_path / "generations" / "1"
    assert next_generation(None, tmp_path / "new", ASKED)[0] == tmp_path / "new" / "generations" / "1"
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        train_chain(None, tmp_path, ASKED, _Trainings([4.0, 3.9], stops_in=2))
    before = _times(tmp_path)
    folder, options = next_generation(None, tmp_path, ASKED)
    assert (folder, options.distill_from, options.seed) == (tmp_path / "generations" / "2", (str(first),), 4)
    with pytest.raises(UserError, match="holds a chain with `steps`=7, not 8"):
        next_generation(None, tmp_path, dataclasses.replace(ASKED, steps=8))
    train_chain(None, tmp_path / "ended", ASKED, _Trainings([4.0, 4.1]))
    with pytest.raises(UserError, match="holds a finished chain"):
        next_generation(None, tmp_path / "ended", ASKED)
    shutil.rmtree(tmp_path / "ended")
    assert _times(tmp_path) == before


def test_a_kill_between_training_and_its_record_trains_nothing_twice(tmp_path):
    trainings = _Trainings([4.0, 4.1])
    train_chain(None, tmp_path / "whole", ASKED, trainings)
    trainings(None, tmp_path / "killed" / "generations" / "1", ASKED)
    trainings.seen.clear()
    train_chain(None, tmp_path / "killed", ASKED, trainings)
    assert [number for number, *_ in trainings.seen] == [2]


def test_a_kill_amid_the_first_publication_leaves_a_chain_that_goes_on(tmp_path, monkeypatch):
    def killed(path, data):
        if path.name == "training.json":
            raise KeyboardInterrupt
        write_atomically(path, data)

    trainings = _Trainings([4.0, 4.1])
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("tf_gpt2.training.chain.write_atomically", killed)
        train_chain(None, tmp_path, ASKED, trainings)
    assert (tmp_path / "config.json").exists() and not (tmp_path / "training.json").exists()
    refuse_what_is_no_run(tmp_path)
    train_chain(None, tmp_path, ASKED, trainings)
    assert [number for number, *_ in trainings.seen] == [1, 2]
    assert (tmp_path / "training.json").read_text() == "generation 1"


def test_another_chain_or_a_run_is_refused_in_one_line(tmp_path):
    train_chain(None, tmp_path, ASKED, _Trainings([4.0, 4.1]))
    for changes, named in (({"steps": 8}, "`steps`=7, not 8"), ({"weight_decay": 0.5}, "`weight_decay`=None")):
        asked = TrainingOptions(**{"effort": "thorough", "steps": 7, "seed": 3, **changes})
        with pytest.raises(UserError, match=named):
            train_chain(None, tmp_path, asked, _Trainings([]))
    with pytest.raises(UserError, match="`corpus`=\\[\\], not \\['other.txt'\\]"):
        train_chain("other.txt", tmp_path, ASKED, _Trainings([]))
    (tmp_path / CHAIN_FILE).write_text('{"asked": {}, "losses": ["4"], "ended": false}')
    with pytest.raises(UserError, match=r"chain.json: losses.0 must be"):
        train_chain(None, tmp_path, ASKED, _Trainings([]))
    (tmp_path / CHAIN_FILE).unlink()
    with pytest.raises(UserError, match="needs a `run_dir` of its own"):
        train_chain(None, tmp_path, ASKED, _Trainings([]))
    (tmp_path / "training.json").unlink()
    with pytest.raises(UserError, match="holds another model"):
        train_chain(None, tmp_path, ASKED, _Trainings([]))


def test_a_chain_that_trained_nothing_yet_binds_nobody_to_its_options(tmp_path):
    def fail(corpus, run_dir, options):
        (run_dir / CHECKPOINTS).mkdir(parents=True)
        raise UserError("`precision`=float16 needs a GPU")

    with pytest.raises(UserError, match="needs a GPU"):
        train_chain(None, tmp_path, ASKED, fail)
    other = dataclasses.replace(ASKED, weight_decay=0.5)
    checkpoint_path(tmp_path / "generations" / "1" / CHECKPOINTS, 3).touch()
    with pytest.raises(UserError, match="holds a chain with `weight_decay`=None, not 0.5"):
        train_chain(None, tmp_path, other, _Trainings([]))
    checkpoint_path(tmp_path / "generations" / "1" / CHECKPOINTS, 3).unlink()
    train_chain(None, tmp_path, other, _Trainings([4.0, 4.1]))
    assert json.loads((tmp_path / CHAIN_FILE).read_text())["asked"]["weight_decay"] == 0.5


def test_without_held_out_text_it_says_what_is_missing(tmp_path):
    def train(corpus, run_dir, options):
        run_dir.mkdir(parents=True)
        return TrainingResult(run_dir, 7, 0, None, None, None)

    with pytest.raises(UserError, match="needs text held out"):
        train_chain(None, tmp_path, ASKED, train)


def test_on_several_machines_it_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    from tf_gpt2 import train_model

    cluster = {"cluster": {"worker": ["a:2000", "b:2000"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(UserError, match="trains in one process"):
        train_model(tmp_path / "no such novel.txt", tmp_path / "run", effort="thorough")


def test_two_generations_are_trained_and_the_better_one_is_a_model(tmp_path, small_corpus, monkeypatch):
    import tensorflow as tf

    from tf_gpt2 import train_model
    from tf_gpt2.model_directory import load_config
    from tf_gpt2.run_directory import training_facts
    from tf_gpt2.training.run import preflight

    monkeypatch.setattr("tf_gpt2.training.chain._MOST_GENERATIONS", 2)
    tf.config.run_functions_eagerly(True)
    shape = {"context_length": 12, "num_layers": 1, "num_heads": 2, "hidden_dim": 16}
    asked = {**shape, "effort": "thorough", "steps": 30, "batch_size": 4, "originality": False, "sample_every": 0}
    novel = small_corpus.folder.parent.parent.parent / "novel.txt"
    try:
        result = train_model(novel, tmp_path / "run", validation_fraction=0.1, **asked)
        state = json.loads((tmp_path / "run" / CHAIN_FILE).read_text())
        best = 1 + state["losses"].index(min(state["losses"]))
        shutil.copytree(tmp_path / "run", tmp_path / "stopped")
        going_on = {**state, "losses": state["losses"][:best], "ended": False}
        (tmp_path / "stopped" / CHAIN_FILE).write_text(json.dumps(going_on))
        before = _times(tmp_path)
        found = preflight(novel, tmp_path / "stopped", validation_fraction=0.1, **asked)
        assert (found.steps, found.done, found.recipe.seed) == (30, 0, best) and _times(tmp_path) == before
        with pytest.raises(UserError, match="holds a finished chain"):
            preflight(novel, tmp_path / "run", validation_fraction=0.1, **asked)
    finally:
        tf.config.run_functions_eagerly(False)
    assert state["ended"] and len(state["losses"]) == 2 and math.isfinite(result.validation_loss)
    assert result.validation_loss == min(state["losses"])
    assert load_config(tmp_path / "run").hidden_dim == 16
    assert training_facts(tmp_path / "run").distillation.teachers is not None
    with pytest.raises(UserError, match="holds a chain of trainings"):
        train_model(novel, tmp_path / "run", steps=3)

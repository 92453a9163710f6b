"""The benchmark of recipes: its record, its commands, and what both rivals read."""

import json
import os
import threading
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from recipe_results import STEPS, result_of

from benchmarks import recipe
from benchmarks.peers.nanogpt.tokens import IGNORED, Split
from benchmarks.trials import demo, pace, running
from benchmarks.trials.corpora import BOOKS
from benchmarks.trials.passages import in_words_share
from benchmarks.trials.plan import LONG, MINUTES, OURS, RIVAL, USUAL, Trial, planned
from benchmarks.trials.quick import QUICK, agreement
from benchmarks.trials.record import Record
from benchmarks.workers import ROOT
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.data.windows import evaluation_windows
from tf_gpt2.errors import UserError


def test_the_record_goes_on_after_a_stop(tmp_path, monkeypatch, capsys):
    ran = []

    def run(trial, shop):
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append(trial.name)
        return result_of(trial, 4.5)

    monkeypatch.setattr(recipe, "run", run)
    arguments = ["--only=sample/ours", f"--output={tmp_path}/r.json", f"--work={tmp_path}", "--peer_python=python"]
    with pytest.raises(KeyboardInterrupt):
        recipe.main(arguments)
    assert list(Record(tmp_path / "r.json").results) == ran
    ran.clear()
    monkeypatch.setattr(recipe, "run", lambda trial, shop: ran.append(trial.name) or result_of(trial, 4.5))
    recipe.main(arguments)
    kept = list(Record(tmp_path / "r.json").results)
    assert kept[2:] == ran and len(set(kept)) == len(kept) >= 4
    figures_line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures_line["missing_trials"] > 0 and figures_line["tokens_ratio_to_nanogpt"] is None


def test_the_record_keeps_trials_and_paces(tmp_path):
    trial = Trial("sample", RIVAL, MINUTES, STEPS, 0, USUAL)
    Record(tmp_path / "r.json").add(trial.name, result_of(trial, 4.5))
    Record(tmp_path / "r.json").add_pace("sample", {"seconds_ratio": 1.23456789})
    Record(tmp_path / "r.json").add_pace("pride", {"seconds_ratio": 1.0})
    record = Record(tmp_path / "r.json")
    assert list(record.results) == [trial.name]
    assert record.paces == {"sample": {"seconds_ratio": 1.2346}, "pride": {"seconds_ratio": 1.0}}


def test_the_pace_is_of_one_shape_and_one_batch_and_of_the_rivals_best_settings(prepared, tmp_path, monkeypatch):
    begun = {}

    class Worker:
        def __init__(self, python, module, *arguments):
            begun[module] = " ".join(map(str, arguments)).replace("=", " ")
            self.rates = iter([50, 200, 100] if module == "benchmarks.train_worker" else [100, 100, 100])
            self.ready = {"threads": 2}

        def ask(self):
            return {"tokens_per_s": next(self.rates)}

        def close(self):
            self.rates = iter(())

    best = Trial("sample", RIVAL, MINUTES, STEPS, 0, {**USUAL, "learning_rate": 2e-3})
    record = Record(tmp_path / "r.json")
    for trial, loss in ((best, 4.2), (Trial("sample", RIVAL, MINUTES, STEPS, 0, USUAL), 4.3)):
        record.add(trial.name, result_of(trial, loss))
    monkeypatch.setattr(pace, "Worker", Worker)
    monkeypatch.setattr(pace, "ROUNDS", 3)
    monkeypatch.setattr(pace, "prepared_of", lambda name, places: prepared)
    recipe.main(["--pace", f"--output={tmp_path}/r.json", f"--work={tmp_path}", "--peer_python=python"])
    found = Record(tmp_path / "r.json").paces
    assert list(found) == ["sample"]  # what the others need is not there
    assert found["sample"]["seconds_ratio"] == 1.0 and found["sample"]["ours_tokens_per_s"] == 100
    ours, rival = begun["benchmarks.train_worker"], begun["benchmarks.peers.nanogpt.pace"]
    assert "--learning_rate 0.002" in rival
    assert "--preset demo" in ours and "--num_layers 3" in rival and "--hidden_dim 192" in rival
    for given in ("--batch_size 16", f"--vocabulary_size {prepared.tokenizer.vocab_size}", "--steps 40"):
        assert given in ours and given in rival


def test_what_a_checkout_cannot_do_is_said_and_not_run(tmp_path, capsys):
    recipe.main(["--list", f"--output={tmp_path}/r.json"])
    lines = capsys.readouterr().out.splitlines()
    assert any(
        line.startswith("pride/") and line.endswith("--pride names its files, and is not given") for line in lines
    )
    unknown = Trial("sample", OURS, LONG, None, 0, {"no_such_option": 1})
    assert running.known_here(unknown) == "this checkout has no option no_such_option"


def test_quick_says_what_disagrees():
    results = {name: {**result_of(trial, 4.5), "recipe": trial.recipe} for name, trial in _quick_trials().items()}
    assert agreement(results, results)["agrees"]
    worse = {name: {**result, "nats_per_token": 4.6} for name, result in results.items()}
    assert not agreement(results, worse)["agrees"]
    del results[QUICK[0]]
    assert agreement(results, worse)["missing"] == [QUICK[0]]


def _quick_trials():
    return {trial.name: trial for trial in planned({}) if trial.name in QUICK}


def test_commands_in_the_record_have_no_path_of_this_machine(tmp_path):
    trial = Trial("classics", OURS, MINUTES, 100, 3)
    command = running.our_command(trial, BOOKS["classics"], [str(tmp_path / "novels")], tmp_path / "work" / "x")
    text = running.shown(command, {"classics": tmp_path / "novels", "pride": None, "work": tmp_path / "work"})
    assert str(tmp_path) not in text
    assert text.startswith("python -m tf_gpt2.train --run_dir=WORK/x --preset=evening --seed=3")
    assert "--corpus=CLASSICS" in text and "--steps=100" in text and "--eval_every=5" in text


def test_an_effort_is_tried_at_the_size_that_suits_the_books(tmp_path):
    efforts = {trial.settings["effort"]: trial for trial in planned({}) if "effort" in trial.settings}
    assert set(efforts) == {"evening", "thorough"}
    for effort, trial in efforts.items():
        command = running.our_command(trial, BOOKS["sample"], [], tmp_path)
        assert {"--preset=auto", f"--effort={effort}"} < set(command) and "--preset=demo" not in command


@pytest.mark.parametrize(("state", "trains"), [("finished", False), ("stopped", True)])
def test_a_trial_whose_training_is_through_is_written_and_judged_without_another(
    tmp_path, monkeypatch, state, trains
):
    trial, ran = Trial("sample", OURS, MINUTES, 100), []
    (tmp_path / trial.name).mkdir(parents=True)
    monkeypatch.setattr(running, "run_facts", lambda run_dir: SimpleNamespace(state=state))
    monkeypatch.setattr(running, "run_command", ran.append)
    prepared = SimpleNamespace(validation=_Split(200, 100), folder=tmp_path / "prepared")
    monkeypatch.setattr(running, "prepared_of", lambda name, places: prepared)
    monkeypatch.setattr(running, "curve_of_run", lambda run_dir: [[64, 1.0, 5.0], [128, 2.0, 4.0]])
    monkeypatch.setattr(running.passages, "of_run", lambda run_dir: [])
    monkeypatch.setattr(running.passages, "judged", lambda prepared, texts: {"copied_share": 0.0})
    assert running.run(trial, running.Workshop({}, tmp_path, "python"))["nats_per_character"] == 8.0
    assert bool(ran) == trains


def test_a_run_gives_its_curve(tmp_path):
    (tmp_path / "training.json").write_text(
        json.dumps(
            {"model": {"context_length": 8}, "training": {"batch_size": 2}, "corpus": {"train_tokens": 1000}}
        )
    )
    lines = [
        {"step": 10, "split": "train", "loss": 5.0, "tokens_per_s": 16.0},
        {"step": 10, "split": "validation", "loss": 4.9},
        {"step": 30, "split": "train", "loss": 4.0, "tokens_per_s": 32.0},
        {"step": 30, "split": "validation", "loss": 4.2},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert running.curve_of_run(tmp_path) == [[160, 10.0, 4.9], [480, 20.0, 4.2]]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_the_demo_is_trained_in_both_checkouts_at_once_with_a_core_and_as_many_steps_each(tmp_path, monkeypatch):
    cores, together = set(os.sched_getaffinity(0)), threading.Barrier(2, timeout=60)
    ran = {}

    def run_command(command, folder):
        together.wait()  # neither ends before both have begun
        ran[folder] = (command[-1], os.sched_getaffinity(0))
        return ""

    monkeypatch.setattr(demo, "run_command", run_command)
    monkeypatch.setattr(demo, "curve_of_run", lambda run_dir: [[64, 1.0, 5.0], [128, 2.0, 4.0]])
    monkeypatch.setattr(demo, "corpus_of_run", lambda run_dir: SimpleNamespace(validation=_Split(200, 100)))
    monkeypatch.setattr(demo.passages, "of_run", lambda run_dir: [])
    monkeypatch.setattr(demo.passages, "judged", lambda prepared, texts: {"copied_share": 0.0})
    results = demo.run_both(tmp_path, 7, running.Workshop({}, tmp_path, "python"))
    assert set(ran) == {tmp_path, ROOT} and {flag for flag, _ in ran.values()} == {"--steps=7"}
    used = [core for _, core in ran.values()]
    assert all(len(core) == 1 for core in used) and used[0] != used[1]
    assert os.sched_getaffinity(0) == cores
    assert results[demo.NAME]["nats_per_character"] == 8.0 and set(results) == {demo.NAME, demo.BEFORE}


def test_the_demo_beside_another_needs_two_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with pytest.raises(UserError, match="needs two cores"):
        demo.run_both(tmp_path, 7, running.Workshop({}, tmp_path, "python"))


class _Split(NamedTuple):
    targets: int
    characters: int


def test_words_of_the_book():
    book = ["却说曹操。却说玄德。却说孔明。"]
    assert in_words_share(book, ["却说，关公"], alphabetic=False) == 0.5
    assert in_words_share(["The cat sat."], ["the dog sat"], alphabetic=True) == pytest.approx(6 / 9)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("books")
    for name in ("one", "two"):
        (folder / f"{name}.txt").write_text("却说曹操引兵，玄德大喜。" * 40, "utf-8")
    return prepare_corpus([folder])


def test_the_rival_is_read_on_the_same_targets_as_ours(prepared):
    split = Split(prepared.folder, "validation")
    theirs = list(split.every_window(3, 8))
    ours = list(evaluation_windows(prepared.validation, context_length=8, batch_size=1))
    ids, targets = (np.concatenate([pair[part] for pair in theirs]) for part in (0, 1))
    expected = [np.concatenate([pair[part].numpy() for pair in ours]) for part in (0, 1)]
    np.testing.assert_array_equal(targets, expected[1])
    np.testing.assert_array_equal(ids[targets != IGNORED], expected[0][targets != IGNORED])
    assert (targets != IGNORED).sum() == prepared.validation.targets


def test_the_rivals_windows_begin_anywhere_and_again(prepared):
    split = Split(prepared.folder, "train")
    ids, targets = split.random_windows(np.random.default_rng(0), 20_000, 5)
    np.testing.assert_array_equal(ids[:, 1:], targets[:, :-1])
    every = np.lib.stride_tricks.sliding_window_view(split.tokens, 6)
    drawn = np.concatenate([ids, targets[:, -1:]], axis=1)
    assert {tuple(row) for row in drawn} == {tuple(row) for row in every}

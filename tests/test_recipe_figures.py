"""The benchmark of recipes: its arithmetic, and which trials its plan names."""

import math

import pytest
from recipe_results import STEPS, result_of, results_of

from benchmarks.trials import figures
from benchmarks.trials.corpora import BOOKS
from benchmarks.trials.plan import LONG, MINUTES, OURS, RIVAL, USUAL, Trial, planned
from benchmarks.trials.quick import QUICK


def test_the_ratio_is_that_of_the_first_validation_that_is_no_worse():
    rival = [[500, 30.0, 4.9], [1000, 100.0, 4.5], [1500, 150.0, 4.6]]
    ours = [[[200, 10.0, 5.0], [400, 20.0, 4.5], [600, 30.0, 4.2]]]
    assert figures.tokens_ratio(ours, rival) == 0.4  # of what its best took, at 1000 tokens


def test_a_loss_that_is_never_reached_is_no_ratio():
    rival = Trial("sample", RIVAL, MINUTES, STEPS, 0, USUAL)
    results = results_of((rival, result_of(rival, 4.0)))
    ours = Trial("sample", OURS, MINUTES, 900)
    results |= results_of((ours, result_of(ours, 4.1)))
    assert figures.reached([[1, 1.0, 4.1]], 4.0) == math.inf
    assert figures.keys(results, {})["sample_tokens_ratio_to_nanogpt"] is None


def test_the_ratio_of_all_books_is_the_worst_and_waits_for_all():
    results: dict = {}
    for books, tokens in (("sample", 300), ("pride", 200), ("classics", 250)):
        assert figures.keys(results, {})["tokens_ratio_to_nanogpt"] is None
        rival = Trial(books, RIVAL, MINUTES, BOOKS[books].steps, 0, USUAL)
        ours = Trial(books, OURS, MINUTES, 900)
        results |= results_of(
            (rival, result_of(rival, 4.0)), (ours, result_of(ours, 3.9, curve=[[tokens, tokens / 10, 3.9]]))
        )
    paces = {"sample": {"seconds_ratio": 1.0}, "pride": {"seconds_ratio": 2.0}}
    keys = figures.keys(results, paces)
    assert keys["tokens_ratio_to_nanogpt"] == 0.3 and keys["minutes_ratio_to_nanogpt"] is None
    keys = figures.keys(results, {**paces, "classics": {"seconds_ratio": 1.0}})
    assert keys["tokens_ratio_to_nanogpt"] == 0.3
    assert keys["pride_minutes_ratio_to_nanogpt"] == keys["minutes_ratio_to_nanogpt"] == 0.4


def test_the_median_seed_counts():
    rival = Trial("sample", RIVAL, MINUTES, STEPS, 0, USUAL)
    results = results_of((rival, result_of(rival, 4.0)))
    for seed, tokens in enumerate((100, 900, 300)):
        ours = Trial("sample", OURS, MINUTES, 900, seed)
        results |= results_of((ours, result_of(ours, 3.9, curve=[[tokens, 1.0, 3.9]])))
    assert figures.keys(results, {})["sample_tokens_ratio_to_nanogpt"] == 0.3


def test_a_lower_loss_that_copies_does_not_count():
    rival = Trial("sample", RIVAL, LONG, 6700, 0, USUAL)
    honest, copier = Trial("sample", OURS, LONG, 6700), Trial("sample", OURS, LONG, 9000)
    results = results_of(
        (rival, result_of(rival, 4.2)),
        (honest, result_of(honest, 4.1)),
        (copier, result_of(copier, 3.0, copied_share=0.3)),
    )
    assert figures.nats_below(results) == pytest.approx(0.15)


def test_nothing_is_said_of_books_with_time_before_the_rival_had_time():
    rival = Trial("sample", RIVAL, MINUTES, STEPS, 0, USUAL)
    ours = Trial("sample", OURS, LONG, 6700)
    assert figures.nats_below(results_of((rival, result_of(rival, 4.2)), (ours, result_of(ours, 4.0)))) is None


def test_seeds_scatter_by_what_differs_in_nothing_else():
    trials = [Trial("sample", RIVAL, MINUTES, 100, seed, USUAL) for seed in (0, 1, 2)]
    losses = (4.40, 4.43, 4.41)
    results = results_of(*((trial, result_of(trial, loss)) for trial, loss in zip(trials, losses, strict=True)))
    other = Trial("sample", RIVAL, MINUTES, 100, 0, {**USUAL, "dropout": 0.1})
    assert figures.seed_scatter(results_of((other, result_of(other, 5.0)))) is None
    assert figures.seed_scatter({**results, other.name: result_of(other, 5.0)}) == pytest.approx(0.03)


def _theirs(books, results):
    """The rival's trials for equal minutes that the plan names and that are missing."""
    named = (
        trial for trial in planned(results) if (trial.books, trial.who, trial.group) == (books, RIVAL, MINUTES)
    )
    return [trial for trial in named if trial.name not in results]


def _swept(results, losses):
    """The rival's settings that the plan names for the sample corpus, each then given a loss."""
    while True:
        new = _theirs("sample", results)
        if not new:
            return
        yield [tuple(trial.settings[key] for key in USUAL) for trial in new], {trial.seed for trial in new}
        results |= {trial.name: result_of(trial, losses(trial)) for trial in new}


def test_each_stage_climbs_from_the_best_of_the_one_before():
    def loss(trial):
        rate, decay, dropout = (trial.settings[key] for key in USUAL)
        return abs(rate - 2e-3) + abs(decay - 0.3) + abs(dropout - 0.1)

    stages = list(_swept({}, loss))
    tried = [settings for named, _ in stages for settings in named]
    assert tried[:3] == [(1e-3, 0.1, 0.0), (2e-3, 0.1, 0.0), (4e-3, 0.1, 0.0)]
    assert tried[3:5] == [(2e-3, 0.3, 0.0), (2e-3, 1.0, 0.0)]
    assert tried[5:7] == [(2e-3, 0.3, 0.1), (2e-3, 0.3, 0.2)]
    assert stages[-1] == ([(2e-3, 0.3, 0.1)] * 2, {1, 2})  # the winner's other seeds


def test_where_more_does_not_help_it_climbs_downwards():
    stages = list(_swept({}, lambda trial: trial.settings["learning_rate"]))
    rates = [settings[0] for named, _ in stages for settings in named]
    assert rates[:3] == [1e-3, 2e-3, 5e-4] and set(rates[3:]) == {5e-4}


def test_where_a_training_takes_long_it_has_its_own_settings_and_one_seed():
    results: dict = {}
    for _ in range(3):
        results |= {trial.name: result_of(trial, 4.0) for trial in _theirs("classics", results)}
    assert list(results) == [Trial("classics", RIVAL, MINUTES, BOOKS["classics"].steps, 0, USUAL).name]


def test_names_are_of_one_trial_alone():
    trials = list(planned({}))
    assert len({trial.name for trial in trials}) == len(trials)
    assert set(QUICK) <= {trial.name for trial in trials}

"""Results of trials as the record of benchmarks/recipe.py holds them, without a training."""

from benchmarks.trials.corpora import BOOKS

STEPS = BOOKS["sample"].steps


def result_of(trial, loss, *, curve=None, copied_share=0.0):
    return {
        **{name: getattr(trial, name) for name in ("books", "who", "group", "recipe", "seed", "steps")},
        "settings": dict(trial.settings),
        "nats_per_token": loss,
        "nats_per_character": 1.5 * loss,
        "copied_share": copied_share,
        "curve": curve or [[1000, 60.0, loss]],
        "tokens": 1000,
        "seconds": 60.0,
    }


def results_of(*pairs):
    return {trial.name: result for trial, result in pairs}

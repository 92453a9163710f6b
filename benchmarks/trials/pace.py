"""Seconds a step of ours in those of the rival, in turns on one machine: what makes minutes of shares of tokens.

Trainings to a loss are hours and days apart, on machines whose speed drifts by a factor of two meanwhile. Both take
as many tokens a step, so a share of the minutes is the share of the tokens times this.
"""

import os
import platform
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.train import worker_arguments
from benchmarks.trials.corpora import BOOKS, prepared_of
from benchmarks.trials.plan import MINUTES, OURS, RIVAL, Trial
from benchmarks.trials.running import Workshop, commit, rival_arguments, usable_cores
from benchmarks.workers import ROOT, Worker, alternate, median, median_ratio
from tf_gpt2.config import preset_config

ROUNDS, STEPS = 7, 40


def in_turns(name: str, settings: Mapping[str, Any], shop: Workshop) -> dict[str, Any]:
    """What goes into the record of a corpus.

    Args:
        name: Key of `BOOKS`.
        settings: The rival's.
        shop: Where its books are, and what runs the rival.

    Returns:
        "ours_tokens_per_s", "nanogpt_tokens_per_s": medians over the rounds; "seconds_ratio": the median of the
        rival's rate in ours of the same round.
    """
    books, prepared = BOOKS[name], prepared_of(name, shop.places)
    vocabulary_size = prepared.tokenizer.vocab_size
    length = preset_config(books.preset, vocabulary_size).context_length
    own, common = worker_arguments(books.preset, "muon", vocabulary_size, books.batch_size, length, 0.0, STEPS)
    theirs = rival_arguments(Trial(name, RIVAL, MINUTES, STEPS, 0, settings), books, prepared)
    workers = {
        OURS: Worker(sys.executable, "benchmarks.train_worker", *own, *common),
        RIVAL: Worker(shop.rival_python, "benchmarks.peers.nanogpt.pace", *theirs),
    }
    answers = alternate(workers, ROUNDS)
    for worker in workers.values():
        worker.close()
    return {
        **{f"{who}_tokens_per_s": median(answers[who], "tokens_per_s") for who in workers},
        "seconds_ratio": median_ratio(answers[RIVAL], answers[OURS], "tokens_per_s"),
        "rounds": ROUNDS,
        "settings": dict(settings),
        "threads": workers[RIVAL].ready["threads"],
        "cpu_cores": usable_cores(),
        "machine": f"{platform.machine()}, load {os.getloadavg()[0]:.1f} after",
        "commit": commit(ROOT),
    }

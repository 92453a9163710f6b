"""The rival of benchmarks/peers/nanogpt computes what its description says, held against NumPy."""

import json
import math
import subprocess

import numpy as np
import numpy_gpt2
import pytest
from commands import ROOT
from peer_environments import PEERS, python_of

from tf_gpt2.config import GPT2Config

pytestmark = pytest.mark.slow

SHAPE = {"vocabulary_size": 11, "context_length": 6, "num_layers": 2, "num_heads": 2, "hidden_dim": 8}
CONFIG = GPT2Config(**SHAPE, dropout=0.0)
RATE, DECAY = 1e-3, 0.1
BLOCK = {
    "first_norm.weight": "ln_1.weight",
    "attention.entry.weight": "attn.c_attn.weight",
    "attention.exit.weight": "attn.c_proj.weight",
    "second_norm.weight": "ln_2.weight",
    "inner.entry.weight": "mlp.c_fc.weight",
    "inner.exit.weight": "mlp.c_proj.weight",
}
OUTER = {"tokens.weight": "wte.weight", "positions.weight": "wpe.weight", "last_norm.weight": "ln_f.weight"}


@pytest.fixture(scope="module")
def step():
    draws = np.random.default_rng(2)
    ids = draws.integers(0, 11, (3, 6))
    targets = np.roll(ids, -1, axis=1)
    targets[0, 2] = -1
    asked = {"shape": SHAPE, "ids": ids.tolist(), "targets": targets.tolist(), "rate": RATE, "root": str(ROOT)}
    done = subprocess.run(
        [python_of("transformers-5"), PEERS / "rival_step.py"],
        input=json.dumps({**asked, "weight_decay": DECAY}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return ids, targets, json.loads(done.stdout.splitlines()[-1])


def _oracle_weights(listed):
    """The rival's weights under Hugging Face's names; what it has no biases for has zeros."""
    weights = {}
    for name, values in listed.items():
        array = np.array(values, np.float64)
        if name in OUTER:
            weights[OUTER[name]] = array
        else:
            _, layer, inner = name.split(".", 2)
            weights[f"h.{layer}.{BLOCK[inner]}"] = array.T if array.ndim == 2 else array
    biases = {name.replace(".weight", ".bias"): array.shape[-1] for name, array in weights.items()}
    return weights | {name: np.zeros(size) for name, size in biases.items()}


@pytest.fixture(autouse=True)
def _exact_gelu(monkeypatch):
    error = np.vectorize(math.erf)
    monkeypatch.setattr(numpy_gpt2, "gelu", lambda x: 0.5 * x * (1 + error(x / np.sqrt(2))))


def _loss(listed, ids, targets):
    nats = []
    for row, wanted in zip(ids, targets, strict=True):
        logits, _ = numpy_gpt2.logits(_oracle_weights(listed), row, CONFIG)
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        nats += [-logs[place, target] for place, target in enumerate(wanted) if target >= 0]
    return np.mean(nats)


def test_its_logits_are_those_of_gpt2_without_biases(step):
    ids, _, found = step
    for row, logits in zip(ids, found["logits"], strict=True):
        expected, _ = numpy_gpt2.logits(_oracle_weights(found["before"]), row, CONFIG)
        np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-4)


def test_its_loss_leaves_out_what_is_no_target(step):
    ids, targets, found = step
    for weights, loss in (("before", found["losses"][0]), ("after", found["losses"][1])):
        assert loss == pytest.approx(_loss(found[weights], ids, targets), rel=1e-4)


def test_the_first_step_of_adamw_goes_down_by_its_rate_and_decays_what_has_two_axes(step):
    ids, targets, found = step
    for name in (
        "tokens.weight",
        "blocks.0.attention.entry.weight",
        "blocks.1.inner.exit.weight",
        "last_norm.weight",
    ):
        before, after = (np.array(found[when][name]) for when in ("before", "after"))
        place = (1,) * before.ndim
        decay = DECAY if before.ndim == 2 else 0.0
        moved = (after[place] - before[place] * (1 - RATE * decay)) / -RATE
        assert moved == pytest.approx(np.sign(_slope(found["before"], name, place, ids, targets)), abs=2e-3), name


def _slope(listed, name, place, ids, targets, by=1e-5):
    def loss(change):
        moved = {key: np.array(values, np.float64) for key, values in listed.items()}
        moved[name][place] += change
        return _loss(moved, ids, targets)

    return (loss(by) - loss(-by)) / (2 * by)


def test_its_rate_rises_in_a_line_and_falls_along_a_cosine_to_a_tenth(step):
    rates = step[2]["rates"]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 11)
    assert rates[10] == 1 and rates[55] == pytest.approx(0.55) and rates[99] == pytest.approx(0.1, abs=1e-3)


def test_what_ends_a_branch_begins_smaller(step):
    for name, deviation in step[2]["deviations"].items():
        expected = 0.02 / 4 if "exit" in name else 0.02  # sqrt(2 * 8 layers)
        assert deviation == pytest.approx(expected, rel=0.1), name


def test_one_seed_writes_one_text(step):
    one, other = step[2]["texts"]
    assert one == other and [len(ids) for ids in one] == [20] * 3
    assert one[0] != one[1]

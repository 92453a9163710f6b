"""Run by the interpreter of an environment with PyTorch: one step of the rival of benchmarks/peers/nanogpt.

Standard input has one JSON object: "shape", its `Shape`; "ids" and "targets" [B, T]; "rate"; "weight_decay";
"root", the checkout. The last line of standard output has the weights before and after by name, the logits
[B, T, V] and the loss before, the loss after, the learning rates of a schedule, the deviations of new weights, and
what is written twice with one seed.
"""

import argparse
import json
import sys

import numpy as np
import torch


def main():
    asked = json.load(sys.stdin)
    sys.path.insert(0, asked["root"])
    from benchmarks.peers.nanogpt.model import Rival, Shape, adamw
    from benchmarks.peers.nanogpt.train import rate_at, take_step
    from benchmarks.peers.nanogpt.writing import write

    torch.manual_seed(0)
    model = Rival(Shape(**asked["shape"]))
    for parameter in model.parameters():  # as drawn, all but alike: nothing would show
        if parameter.ndim > 1:
            parameter.data *= 20
    before = _listed(model)
    ids, targets = (np.array(asked[name]) for name in ("ids", "targets"))
    logits = model(torch.from_numpy(ids)).tolist()
    optimizer = adamw(model, asked["rate"], asked["weight_decay"], 0.99)
    losses = [take_step(model, optimizer, ids, targets, asked["rate"])]
    after = _listed(model)
    losses.append(take_step(model, optimizer, ids, targets, asked["rate"]))
    schedule = argparse.Namespace(steps=100, warmup_steps=10, learning_rate=1.0)
    found = {
        "before": before,
        "after": after,
        "logits": logits,
        "losses": losses,
        "rates": [rate_at(step, schedule) for step in range(100)],
        "deviations": _deviations(Rival, Shape),
        "texts": [write(model, 0, 3, 20, 1.0, 5, 7) for _ in range(2)],
    }
    print(json.dumps(found))


def _listed(model):
    return {name: parameter.tolist() for name, parameter in model.named_parameters()}


def _deviations(rival, shape):
    torch.manual_seed(1)
    model = rival(shape(vocabulary_size=500, context_length=64, num_layers=8, num_heads=2, hidden_dim=64))
    return {name: parameter.std().item() for name, parameter in model.named_parameters() if parameter.ndim > 1}


if __name__ == "__main__":
    main()

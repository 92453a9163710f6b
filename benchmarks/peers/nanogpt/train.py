"""Trains the rival on a prepared corpus; stdout ends in one JSON line, the curve and texts in it.

    PYTHON -m benchmarks.peers.nanogpt.train --corpus=PREPARED --steps=2246 --vocabulary_size=3318 ...

Its defaults are those of nanoGPT's character-level example, which its README gives to somebody without a GPU.
"""

import argparse
import copy
import json
import math
import pathlib
import sys
import time

import numpy as np
import torch
from torch.nn import functional

from benchmarks.peers.nanogpt.model import Rival, Shape, adamw
from benchmarks.peers.nanogpt.tokens import IGNORED, Split
from benchmarks.peers.nanogpt.writing import write

_FINAL_SHARE = 0.1  # of the learning rate, where the cosine ends
_EVALUATED_ROWS = 64


def main(argv=None):
    """Trains, and prints what came of it."""
    options = parsed(argv)
    model = new_model(options)
    train, held_out = (Split(options.corpus, name) for name in ("train", "validation"))
    curve, best = fit(model, train, held_out, options)
    model.load_state_dict(best)
    passages = write(
        model, options.first_token, options.passages, options.passage_tokens, options.temperature, options.top_k, 0
    )
    figures = {"parameters": model.num_parameters(), "torch": torch.__version__}
    figures["device"] = next(model.parameters()).device.type
    figures["threads"] = torch.get_num_threads()
    print(json.dumps({**figures, "curve": curve, "passages": passages}), flush=True)


def new_model(options) -> Rival:
    """The rival with the weights of its seed, on a GPU where there is one."""
    torch.manual_seed(options.seed)
    shape = Shape(**{name: getattr(options, name) for name in Shape.__dataclass_fields__})
    return Rival(shape).to("cuda" if torch.cuda.is_available() else "cpu")


def rate_at(step: int, options) -> float:
    """Learning rate of the step that follows `step` done ones: linear warm-up, then a cosine down to a tenth."""
    warmup, peak = options.warmup_steps, options.learning_rate
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    done = min(1.0, (step - warmup) / max(1, options.steps - warmup))
    return peak * (_FINAL_SHARE + (1 - _FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * done)))


def fit(model, train: Split, held_out: Split, options):
    """Trains the model in place.

    Returns:
        Rows of tokens seen, seconds of steps and nats a held-out token; and the weights at the lowest of these.
    """
    optimizer = adamw(model, options.learning_rate, options.weight_decay, options.beta2)
    draws = np.random.default_rng(options.seed)
    forward = torch.compile(model) if options.compile else model
    curve: list[list[float]] = []
    best, without_better, seconds = copy.deepcopy(model.state_dict()), 0, 0.0
    for step in range(1, options.steps + 1):
        begin = time.perf_counter()
        ids, targets = train.random_windows(draws, options.batch_size, options.context_length)
        take_step(forward, optimizer, ids, targets, rate_at(step - 1, options))
        seconds += time.perf_counter() - begin
        if step % options.eval_every and step < options.steps:
            continue
        loss = evaluate(model, held_out)
        better = not curve or loss < min(row[2] for row in curve)
        curve.append([step * ids.size, seconds, loss])
        print(f"step {step}: {loss:.4f} nats a token, {seconds:.0f} s", file=sys.stderr, flush=True)
        best = copy.deepcopy(model.state_dict()) if better else best
        without_better = 0 if better else without_better + 1
        if options.patience and without_better >= options.patience:
            break
    return curve, best


def take_step(model, optimizer, ids, targets, rate: float, clip_norm: float = 1.0) -> float:
    """One step of AdamW; returns the loss before it, in nats a token."""
    model.train()
    for group in optimizer.param_groups:
        group["lr"] = rate
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    device = parameters[0].device
    loss = _nats(model(torch.from_numpy(ids).to(device)), targets, "mean")
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


@torch.no_grad()
def evaluate(model, held_out: Split) -> float:
    """Nats a token over all held-out targets, each predicted once."""
    model.eval()
    device, total, count = next(model.parameters()).device, 0.0, 0
    for ids, targets in held_out.every_window(_EVALUATED_ROWS, model.shape.context_length):
        total += _nats(model(torch.from_numpy(ids).to(device)), targets, "sum").item()
        count += int((targets != IGNORED).sum())
    return total / count


def _nats(logits, targets, reduction):
    targets = torch.from_numpy(targets).to(logits.device).flatten()
    return functional.cross_entropy(logits.flatten(0, 1), targets, ignore_index=IGNORED, reduction=reduction)


def parsed(argv):
    """The options of a command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=pathlib.Path, required=True, help="folder of a prepared corpus")
    parser.add_argument("--steps", type=int, required=True)
    for name, value in (("num_layers", 3), ("num_heads", 3), ("hidden_dim", 192), ("context_length", 64)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--vocabulary_size", type=int, required=True)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--warmup_steps", type=int, default=100)
    parser.add_argument("--weight_decay", type=float, default=0.1)
    parser.add_argument("--beta2", type=float, default=0.99)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--eval_every", type=int, default=250)
    parser.add_argument("--patience", type=int, help="end after so many evaluations without a better one")
    parser.add_argument("--compile", action="store_true", help="torch.compile; its README leaves it out on a CPU")
    parser.add_argument("--first_token", type=int, default=0, help="what the written texts follow")
    parser.add_argument("--passages", type=int, default=0, help="texts to write in the end, with the best weights")
    parser.add_argument("--passage_tokens", type=int, default=200)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top_k", type=int, default=40)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()

"""Texts of the rival, drawn as ours are: so many likeliest tokens, one temperature, the window rolling."""

import torch

_ROWS = 8


@torch.no_grad()
def write(model, first: int, count: int, length: int, temperature: float, top_k: int, seed: int) -> list[list[int]]:
    """Passages of `length` tokens after the token `first`, which is no part of them."""
    model.eval()
    device = next(model.parameters()).device
    draws = torch.Generator(device).manual_seed(seed)
    written: list[list[int]] = []
    while len(written) < count:
        ids = torch.full((min(_ROWS, count - len(written)), 1), first, device=device)
        for _ in range(length):
            logits = model(ids[:, -model.shape.context_length :])[:, -1] / temperature
            values, places = logits.topk(min(top_k, logits.shape[-1]))
            drawn = torch.multinomial(values.softmax(-1), 1, generator=draws)
            ids = torch.cat([ids, places.gather(1, drawn)], 1)
        written += ids[:, 1:].tolist()
    return written

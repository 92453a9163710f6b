"""Worker: trains Hugging Face's GPT-2 on PyTorch with random tokens, in the plain way its users do."""

import argparse
import statistics
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.workers import serve


def main():
    options = _options()
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=options.vocabulary_size,
        n_positions=options.context_length,
        n_embd=options.hidden_dim,
        n_layer=options.num_layers,
        n_head=options.num_heads,
        resid_pdrop=options.dropout,
        embd_pdrop=options.dropout,
        attn_pdrop=options.dropout,
        bos_token_id=0,
        eos_token_id=0,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = GPT2LMHeadModel(config).train().to(device)
    optimizers = _optimizers(model, options.optimizer)
    tokens = torch.randint(0, options.vocabulary_size, (options.batch_size, options.length), device=device)
    half = options.precision != "float32"
    scaler = torch.amp.GradScaler(device, enabled=options.precision == "float16")
    forward = torch.compile(model) if options.compile else model

    def step():
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, getattr(torch, options.precision), enabled=half):
            loss = forward(tokens, labels=tokens).loss
        scaler.scale(loss).backward()
        for optimizer in optimizers:
            scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            scaler.step(optimizer)
        scaler.update()
        return loss.item()

    for _ in range(3):
        step()

    def measure(_):
        seconds = []
        for _ in range(options.steps):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        return {"tokens_per_s": options.batch_size * options.length / statistics.median(seconds)}

    ready = {"parameters": sum(p.numel() for p in model.parameters()), "torch": torch.__version__}
    if device == "cuda":
        ready["gpu_peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
    serve(ready, measure)


def _optimizers(model, name):
    if name == "adamw":
        return [torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)]
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and ".h." in n]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    muon = torch.optim.Muon(matrices, lr=1e-3, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    return [muon, torch.optim.AdamW(rest, lr=1e-3, weight_decay=0.1)]


def _options():
    parser = argparse.ArgumentParser()
    for name in [
        "num_layers",
        "hidden_dim",
        "num_heads",
        "vocabulary_size",
        "context_length",
        "batch_size",
        "length",
        "steps",
    ]:
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--dropout", type=float, required=True)
    parser.add_argument("--precision", choices=["float32", "bfloat16", "float16"], default="float32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--optimizer", choices=["adamw", "muon"], required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()

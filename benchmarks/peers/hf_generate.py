"""Worker: Hugging Face's GPT-2 on PyTorch writes with random weights."""

import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.generation_cases import CASES, SHAPE, VOCABULARY_SIZE
from benchmarks.workers import serve


def build():
    """The jinyong shape with random weights, in evaluation mode."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY_SIZE,
        n_positions=SHAPE["context_length"],
        n_layer=SHAPE["num_layers"],
        n_head=SHAPE["num_heads"],
        n_embd=SHAPE["hidden_dim"],
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2LMHeadModel(config).eval()


def main():
    model = build()

    @torch.inference_mode()
    def answer(name):
        rows, prompt, new = CASES[name]
        ids = torch.randint(1, VOCABULARY_SIZE, (rows, prompt))
        start = time.perf_counter()
        if new == 0:
            model(ids, logits_to_keep=1)
            return {"seconds": time.perf_counter() - start}
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            top_k=40,
            min_new_tokens=new,
            max_new_tokens=new,
            pad_token_id=0,
        )
        return {"tokens_per_s": rows * new / (time.perf_counter() - start)}

    answer("warm_up")
    serve({"parameters": sum(p.numel() for p in model.parameters()), "torch": torch.__version__}, answer)


if __name__ == "__main__":
    main()

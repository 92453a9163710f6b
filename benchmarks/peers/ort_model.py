"""Exports Hugging Face's GPT-2 as one ONNX graph with a key-value cache.

Inputs and outputs have optimum's names, by which transformers.js finds them. A mask and positions are left out: one
sequence without padding needs neither, and a graph without them is the faster one.
"""

import warnings

import torch


class WithPast(torch.nn.Module):
    """Ids [B, T] and past keys and values [B, H, P, K] to last logits [B, 1, V] and longer keys and values.

    The mathematics is GPT2LMHeadModel's, spelled out with its own modules, so that the graph has no copies that
    a tracer leaves behind.
    """

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, *past):
        body = self.model.transformer
        config = self.model.config
        heads, scale = config.n_head, (config.n_embd // config.n_head) ** -0.5
        length, start = ids.shape[1], past[0].shape[2]
        position = torch.arange(start, start + length)
        x = body.wte(ids) + body.wpe(position)[None]
        visible = torch.arange(start + length)[None, :] <= position[:, None]
        bias = torch.where(visible, 0.0, -1e9)
        present = []
        for index, block in enumerate(body.h):
            query, key, value = (
                part.reshape(ids.shape[0], length, heads, -1).transpose(1, 2)
                for part in block.attn.c_attn(block.ln_1(x)).split(x.shape[-1], dim=-1)
            )
            key = torch.cat([past[2 * index], key], dim=2)
            value = torch.cat([past[2 * index + 1], value], dim=2)
            scores = query @ key.transpose(2, 3) * scale + bias
            context = (scores.softmax(-1) @ value).transpose(1, 2).reshape(x.shape)
            x = x + block.attn.c_proj(context)
            x = x + block.mlp(block.ln_2(x))
            present += [key, value]
        return self.model.lm_head(body.ln_f(x[:, -1:])), *present


def export(model, path) -> None:
    """Writes `model` (a GPT2LMHeadModel in evaluation mode) to `path`."""
    config = model.config
    shape = (1, config.n_head, 3, config.n_embd // config.n_head)
    names = [f"{index}.{kind}" for index in range(config.n_layer) for kind in ("key", "value")]
    inputs, outputs = [f"past_key_values.{name}" for name in names], [f"present.{name}" for name in names]
    axes = {"input_ids": {0: "batch", 1: "length"}, "logits": {0: "batch"}}
    axes |= {name: {0: "batch", 2: "past"} for name in inputs}
    axes |= {name: {0: "batch", 2: "total"} for name in outputs}
    example = (torch.zeros((1, 2), dtype=torch.int64), *[torch.zeros(shape) for _ in inputs])
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            WithPast(model).eval(),  # the exporter puts all modules back into the mode of this one
            example,
            path,
            input_names=["input_ids", *inputs],
            output_names=["logits", *outputs],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )

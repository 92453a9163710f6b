"""Writes a KerasHub preset.

    keras_hub.models.GPT2CausalLM.from_preset("preset")

A character vocabulary is rewritten as a byte-level BPE (byte_level.py): text of known characters keeps its
ids. KerasHub pads with id 0 and takes the end of text for the end of what it writes: where both are one, it
changes places with id 1.
"""

import os

from tf_gpt2.files import replacing_folder

from .byte_level import to_byte_level
from .openai import require_plain

_LAYERS = {
    "wte": "token_embedding",
    "wpe": "position_embedding",
    "ln_f": "layer_norm",
    "ln_1": "self_attention_layer_norm",
    "attn.c_proj": "self_attention/attention_output",
    "ln_2": "feedforward_layer_norm",
    "mlp.c_fc": "feedforward_intermediate_dense",
    "mlp.c_proj": "feedforward_output_dense",
}


def write_keras_hub(run_dir: str | os.PathLike, output: str | os.PathLike) -> dict:
    """Writes the preset; returns what was written.

    Raises:
        UserError: The model or its tokenizer has no equal in KerasHub, or `output` cannot be written.
    """
    from tf_gpt2 import runtime
    from tf_gpt2.model_directory import load_config, load_weights
    from tf_gpt2.tokenizer import Tokenizer

    config = load_config(run_dir)
    require_plain(config, "KerasHub's GPT-2")
    bpe = to_byte_level(Tokenizer.load(run_dir), config.vocabulary_size).with_end_apart_from_padding()
    runtime.load_tensorflow()
    weights = load_weights(run_dir, config)
    with replacing_folder(output) as folder:
        files = folder / "vocabulary.json", folder / "merges.txt"
        bpe.write(*files, header="")
        model = _build(config, bpe, [str(file) for file in files])
        _assign(model.backbone, weights, bpe)
        for file in files:
            file.unlink()
        model.save_to_preset(str(folder))
    size = config.vocabulary_size + len(bpe.added_rows)
    return {"output": str(output), "vocabulary_size": size, "added_tokens": len(bpe.added_rows)}


def _build(config, bpe, files):
    """An empty GPT2CausalLM with its tokenizer."""
    import keras_hub

    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=config.vocabulary_size + len(bpe.added_rows),
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        hidden_dim=config.hidden_dim,
        intermediate_dim=config.intermediate_dim,
        dropout=config.dropout,
        max_sequence_length=config.context_length,
    )
    tokenizer = keras_hub.models.GPT2Tokenizer(*files)
    preprocessor = keras_hub.models.GPT2CausalLMPreprocessor(tokenizer, sequence_length=config.context_length)
    return keras_hub.models.GPT2CausalLM(backbone, preprocessor)


def _assign(backbone, weights, bpe):
    variables = {variable.path: variable for variable in backbone.trainable_weights}
    for name, array in weights.items():
        layer, part = name.rsplit(".", 1)
        block, layer = "", layer
        if layer.startswith("h."):
            _, index, layer = layer.split(".", 2)
            block = f"transformer_layer_{index}/"
        if layer == "attn.c_attn":
            end = "kernel" if part == "weight" else "bias"
            width = array.shape[-1] // 3
            for place, kind in enumerate(("query", "key", "value")):
                _set(
                    variables,
                    f"{block}self_attention/{kind}/{end}",
                    array[..., place * width : (place + 1) * width],
                )
        else:
            rows = bpe.embedding(array) if name == "wte.weight" else array
            _set(variables, f"{block}{_LAYERS[layer]}/{_part(layer, part)}", rows)
    if variables:
        raise RuntimeError(f"KerasHub's GPT-2 has variables that this export does not know: {sorted(variables)}")


def _part(layer, part):
    if layer in ("wte", "wpe"):
        return "embeddings"
    if "ln_" in layer:
        return "gamma" if part == "weight" else "beta"
    return "kernel" if part == "weight" else "bias"


def _set(variables, path, array):
    variable = variables.pop(path)
    variable.assign(array.reshape(variable.shape))

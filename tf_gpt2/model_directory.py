"""The model directory: a Hugging Face GPT-2 directory, written and read without transformers.

    config.json             shape of the model (GPT2Config of transformers)
    model.safetensors       weights under Hugging Face's tensor names and layouts
    tokenizer.json          tokenizer of the `tokenizers` library
    generation_config.json  default sampling settings

Hugging Face's Conv1D stores kernels as [in, out], as Keras does, so no tensor is transposed on the way.
"""

import json
import pathlib

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.files import read_json, write_atomically, write_tensors

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
GENERATION_CONFIG_FILE = "generation_config.json"
# transformers prefixes the tensors of GPT2LMHeadModel so; checkpoints of the bare GPT2Model have no prefix.
PREFIX = "transformer."


def tensor_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors of a model by Hugging Face name, without the `transformer.` prefix."""
    width, inner = config.hidden_dim, config.intermediate_dim
    shapes = {"wte.weight": (config.vocabulary_size, width), "wpe.weight": (config.context_length, width)}
    for index in range(config.num_layers):
        block = {
            "ln_1.weight": (width,),
            "ln_1.bias": (width,),
            "attn.c_attn.weight": (width, 3 * width),
            "attn.c_attn.bias": (3 * width,),
            "attn.c_proj.weight": (width, width),
            "attn.c_proj.bias": (width,),
            "ln_2.weight": (width,),
            "ln_2.bias": (width,),
            "mlp.c_fc.weight": (width, inner),
            "mlp.c_fc.bias": (inner,),
            "mlp.c_proj.weight": (inner, width),
            "mlp.c_proj.bias": (width,),
        }
        shapes.update({f"h.{index}.{name}": shape for name, shape in block.items()})
    shapes.update({"ln_f.weight": (width,), "ln_f.bias": (width,)})
    if not config.tie_embeddings:
        shapes["lm_head.weight"] = (config.vocabulary_size, width)
    return shapes


_LAYER_OF = {
    "wte.weight": "token_embedding/embeddings",
    "wpe.weight": "position_embedding/embeddings",
    "ln_1.weight": "attention_norm/gamma",
    "ln_1.bias": "attention_norm/beta",
    "attn.c_attn.weight": "attention/qkv_kernel",
    "attn.c_attn.bias": "attention/qkv_bias",
    "attn.c_proj.weight": "attention/output_kernel",
    "attn.c_proj.bias": "attention/output_bias",
    "ln_2.weight": "mlp_norm/gamma",
    "ln_2.bias": "mlp_norm/beta",
    "mlp.c_fc.weight": "mlp/input_kernel",
    "mlp.c_fc.bias": "mlp/input_bias",
    "mlp.c_proj.weight": "mlp/output_kernel",
    "mlp.c_proj.bias": "mlp/output_bias",
    "ln_f.weight": "final_norm/gamma",
    "ln_f.bias": "final_norm/beta",
    "lm_head.weight": "output_projection/kernel",
}


def keras_variable_path(tensor_name: str) -> str:
    """Path of the Keras variable that holds a Hugging Face tensor: h.3.ln_1.bias -> block_3_attention_norm/beta."""
    if not tensor_name.startswith("h."):
        return _LAYER_OF[tensor_name]
    _, index, rest = tensor_name.split(".", 2)
    return f"block_{index}_{_LAYER_OF[rest]}"


def _variables_by_tensor_name(model, config):
    variables = {variable.path: variable for variable in model.trainable_variables}
    return {name: variables[keras_variable_path(name)] for name in tensor_shapes(config)}


def model_weights(model, config: GPT2Config) -> dict[str, np.ndarray]:
    """Weights of a live Keras model as float32 arrays by Hugging Face name."""
    weights = {}
    for name, variable in _variables_by_tensor_name(model, config).items():
        value = np.asarray(variable.value, dtype=np.float32)
        # Hugging Face keeps an untied head as [V, D], Keras's Dense as [D, V].
        weights[name] = np.ascontiguousarray(value.T) if name == "lm_head.weight" else value
    return weights


def assign_weights(model, config: GPT2Config, weights: dict[str, np.ndarray]) -> None:
    """Writes arrays by Hugging Face name into a live Keras model of the same shape."""
    for name, variable in _variables_by_tensor_name(model, config).items():
        variable.assign(weights[name].T if name == "lm_head.weight" else weights[name])


def save_model_directory(folder, config: GPT2Config, weights: dict[str, np.ndarray], tokenizer) -> None:
    """Writes a model directory; each file appears whole or not at all.

    Args:
        folder: Directory to write into, created when missing.
        config: The model's shape.
        weights: Arrays by Hugging Face name, as `model_weights` gives them.
        tokenizer: A `tf_gpt2.tokenizer.Tokenizer`.

    Raises:
        UserError: A file cannot be written (full disk, say).
    """
    folder = pathlib.Path(folder)
    end_of_text = tokenizer.end_of_text_id
    tensors = {name if name == "lm_head.weight" else PREFIX + name: array for name, array in weights.items()}
    tokenizer.save(folder)
    write_atomically(folder / GENERATION_CONFIG_FILE, _json_bytes(_generation_config(end_of_text)))
    write_atomically(folder / CONFIG_FILE, _json_bytes(to_hugging_face(config, end_of_text)))
    write_tensors(folder / WEIGHTS_FILE, tensors, {"format": "pt"})


def _json_bytes(value) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _generation_config(end_of_text):
    return {
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "do_sample": True,
        "temperature": 1.0,
        "top_k": 40,
        "max_new_tokens": 200,
    }


def to_hugging_face(config: GPT2Config, end_of_text_id: int) -> dict:
    """The configuration as transformers' GPT2Config spells it."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "vocab_size": config.vocabulary_size,
        "n_positions": config.context_length,
        "n_layer": config.num_layers,
        "n_head": config.num_heads,
        "n_embd": config.hidden_dim,
        "n_inner": config.intermediate_dim,
        "attn_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "tie_word_embeddings": config.tie_embeddings,
        "bos_token_id": end_of_text_id,
        "eos_token_id": end_of_text_id,
        "torch_dtype": "float32",
    }


def load_config(folder) -> GPT2Config:
    """Reads `config.json` of a Hugging Face GPT-2 directory.

    Raises:
        UserError: The directory or the file is missing or damaged, or describes another kind of model.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise UserError(f"--run_dir must be a model directory; {folder} is no directory. Train one first")
    path = folder / CONFIG_FILE
    values = read_json(path, remedy="give a directory that holds config.json and model.safetensors")
    if values.get("model_type", "gpt2") != "gpt2":
        raise UserError(f"{path}: model_type must be 'gpt2'; received {values['model_type']!r}")
    activation = values.get("activation_function", "gelu_new")
    if activation not in ("gelu_new", "gelu_pytorch_tanh"):
        raise UserError(f"{path}: activation_function must be 'gelu_new' (GPT-2's); received {activation!r}")
    try:
        return GPT2Config(
            vocabulary_size=values["vocab_size"],
            context_length=values.get("n_positions", values.get("n_ctx")),
            num_layers=values["n_layer"],
            num_heads=values["n_head"],
            hidden_dim=values["n_embd"],
            intermediate_dim=values.get("n_inner") or 0,
            dropout=values.get("resid_pdrop", 0.1),
            layer_norm_epsilon=values.get("layer_norm_epsilon", 1e-5),
            tie_embeddings=values.get("tie_word_embeddings", True),
        )
    except KeyError as error:
        raise UserError(f"{path}: the field {error} is missing; the file does not describe a GPT-2") from None
    except (UserError, TypeError) as error:
        raise UserError(f"{path}: {error}") from None


def load_weights(folder, config: GPT2Config) -> dict[str, np.ndarray]:
    """Reads `model.safetensors` as float32 arrays by name, without the `transformer.` prefix.

    Raises:
        UserError: The file is missing or damaged, or a tensor is missing or has another shape.
    """
    import safetensors

    path = pathlib.Path(folder) / WEIGHTS_FILE
    if not path.is_file():
        raise UserError(f"{path} is missing; give a directory that holds config.json and model.safetensors")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            stored = {name.removeprefix(PREFIX): name for name in file.keys()}  # noqa: SIM118  not a dict
            return {name: _read(file, path, stored, name, shape) for name, shape in tensor_shapes(config).items()}
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged ({error}); copy or train it again") from None


def _read(file, path, stored, name, shape):
    if name not in stored:
        raise UserError(f"{path}: the tensor {name} is missing; config.json and weights do not belong together")
    array = file.get_tensor(stored[name])
    if array.shape != shape:
        raise UserError(f"{path}: {name} must have the shape {shape} of config.json; received {array.shape}")
    return array.astype(np.float32, copy=False)


def load_model(folder):
    """Opens a model directory as a live Keras model.

    Returns:
        (model, config): the functional model of `tf_gpt2.model.build_model` with the stored weights.
    """
    from tf_gpt2.model import build_model

    config = load_config(folder)
    weights = load_weights(folder, config)
    model = build_model(config)
    assign_weights(model, config, weights)
    return model, config

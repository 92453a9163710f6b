"""Models with random weights, for tests and benchmarks: speed does not depend on what the weights are."""

import numpy as np

from tf_gpt2.config import GPT2Config, preset_config
from tf_gpt2.formats.weights import tensor_shapes
from tf_gpt2.model_directory import save_model_directory
from tf_gpt2.tokenizer import Tokenizer

INITIAL_STDDEV = 0.02  # GPT-2's
_FIRST_CHARACTER = 0x4E00


def random_weights(config: GPT2Config, seed: int = 0, scale: float = INITIAL_STDDEV) -> dict[str, np.ndarray]:
    """Normal weights by Hugging Face name.

    Args:
        config: The model's shape.
        seed: Same seed, same weights.
        scale: Their standard deviation; 0.3 lets every term of a tiny model show in its logits.
    """
    generator = np.random.default_rng(seed)
    weights = {}
    for name, shape in tensor_shapes(config).items():
        array = generator.normal(0, scale, shape).astype(np.float32)
        if "ln_" in name and name.endswith("weight"):
            array += 1
        weights[name] = array
    return weights


def characters_tokenizer(num_characters: int) -> Tokenizer:
    """A tokenizer of so many Chinese characters beside its 257 bytes and end of text."""
    return Tokenizer.train_characters(["".join(chr(_FIRST_CHARACTER + i) for i in range(num_characters))])


def write_random_model(folder, preset: str, tokenizer: Tokenizer, vocabulary_size: int | None = None) -> GPT2Config:
    """Writes a model directory of a preset's shape.

    Args:
        folder: Where.
        preset: The shape's name.
        tokenizer: Its tokenizer.
        vocabulary_size: Rows of the table, by default as many as the tokenizer has ids.
    """
    config = preset_config(preset, vocabulary_size or tokenizer.vocab_size)
    save_model_directory(folder, config, random_weights(config), tokenizer)
    return config

"""Writes a model directory of the jinyong shape, random: python -m benchmarks.cold_start_model FOLDER."""

import sys

import numpy as np

from tf_gpt2.config import preset_config
from tf_gpt2.model_directory import save_model_directory, tensor_shapes
from tf_gpt2.tokenizer import Tokenizer

NUM_CHARACTERS = 13_060


def main():
    characters = "".join(chr(0x4E00 + index) for index in range(NUM_CHARACTERS))
    tokenizer = Tokenizer.train_characters([characters])
    config = preset_config("jinyong", tokenizer.vocab_size)
    random = np.random.default_rng(0)
    weights = {name: random.normal(0, 0.02, shape).astype("f") for name, shape in tensor_shapes(config).items()}
    save_model_directory(sys.argv[1], config, weights, tokenizer)


if __name__ == "__main__":
    main()

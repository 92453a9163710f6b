"""Writes a model directory of the jinyong shape, random: python -m benchmarks.cold_start_model FOLDER."""

import sys

from benchmarks.random_model import characters_tokenizer, write_random_model

NUM_CHARACTERS = 13_060


def main():
    write_random_model(sys.argv[1], "jinyong", characters_tokenizer(NUM_CHARACTERS))


if __name__ == "__main__":
    main()

"""What the contenders of benchmarks.generate do. No product code here: the peers import it too."""

VOCABULARY_SIZE = 13_317
SHAPE = {"num_layers": 10, "num_heads": 12, "hidden_dim": 768, "context_length": 1024}

# name: rows, tokens of the prompt, new tokens. With no new tokens the case is the forward pass alone. In `late` the
# clock starts after the prompt, so that it shows the speed near position 900.
CASES = {
    "warm_up": (1, 64, 8),
    "one": (1, 64, 200),
    "late": (1, 860, 80),
    "eight": (8, 64, 64),
    "prefill": (1, 512, 0),
}

"""What int8 costs a trained model: python -m benchmarks.int8_quality [--run_dir runs/demo] [--corpus FILE,...]

Loss and greedy choices on held-out text, of the float32 weights and of those that an int8 bundle gives a browser,
with activations rounded to 13 bits before every matrix product, fewer than any of the page's decoders keeps. All in
NumPy. The last line is one JSON object.

Shapes: B windows, T tokens, D width, H heads, K width of a head, V vocabulary.
"""

import argparse
import json
import sys

import numpy as np

ACTIVATION_MAX = 4095  # 13 bits with their sign
HELD_OUT = 0.05  # tf_gpt2.train's default share at the end of every book
TOKENS_AT_ONCE = 1024


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run_dir", default="runs/demo", help="a model directory with a trained model")
    parser.add_argument("--corpus", help="files that it was trained on; their ends are read. Default: the sample")
    parser.add_argument("--held_out", type=float, default=HELD_OUT, help="share of every book at its end")
    parser.add_argument("--characters", type=int, default=30_000, help="of the text, at most")
    parser.add_argument("--nearest", action="store_true", help="round each weight by itself, not as a bundle does")
    options = parser.parse_args(argv)
    from export.browser.bundle import stored_weights
    from export.browser.quantization import store
    from tf_gpt2.model_directory import load_config, load_weights
    from tf_gpt2.tokenizer import Tokenizer

    config = load_config(options.run_dir)
    weights = load_weights(options.run_dir, config)
    text = _held_out_text(options.corpus, options.held_out)[: options.characters]
    tokenizer = Tokenizer.load(options.run_dir)
    ids = tokenizer.encode(text)
    if options.nearest:
        stored = {name: store(name, array, "int8") for name, array in weights.items()}
    else:
        stored = stored_weights(config, weights, tokenizer, "int8")
    values = {name: tensor.value for name, tensor in stored.items()}
    figures = compare(config, weights, values, np.concatenate([[tokenizer.end_of_text_id], ids]))
    shape = {"layers": config.num_layers, "width": config.hidden_dim, "characters": len(text)}
    rounding = {"rounding": "nearest" if options.nearest else "products"}
    print(json.dumps({"benchmark": "int8_quality", "run_dir": options.run_dir, **shape, **rounding, **figures}))


def _held_out_text(corpus, share):
    from tf_gpt2.corpus.sample import sample_path
    from tf_gpt2.evaluation.corpus_loss import read_texts

    texts = read_texts(corpus.split(",") if corpus else [str(sample_path())])
    return "".join(text[len(text) - round(len(text) * share) :] for text in texts)


def compare(config, weights: dict, stored: dict, ids: np.ndarray) -> dict:
    """Loss and greedy choices of an int8 model beside its float32 original.

    Args:
        config: The model's configuration.
        weights: Float32 arrays by Hugging Face name.
        stored: The same as an int8 bundle gives them back.
        ids: A text [N + 1]; its first token is not predicted.

    Returns:
        Nats a token of both, the relative difference, the share of positions with the same likeliest token with its
        standard error (0.2 % after 2,000 positions: text by text it differs), that of the first 2,000, and by how
        many nats float32 preferred its own token where they differ.
    """
    nats = {"float32": 0.0, "int8": 0.0}
    same, gaps = [], []
    for inputs, targets in _windows(ids, config.context_length):
        exact = log_probabilities(config, weights, inputs)
        rounded = log_probabilities(config, stored, inputs, ACTIVATION_MAX)
        for name, scores in (("float32", exact), ("int8", rounded)):
            kept = np.take_along_axis(scores, np.maximum(targets, 0)[..., None], -1)[..., 0]
            nats[name] -= float(kept[targets >= 0].sum(dtype=np.float64))
        exact, chosen = exact[targets >= 0], rounded[targets >= 0].argmax(-1)
        same += (exact.argmax(-1) == chosen).tolist()
        gaps += (exact.max(-1) - exact[np.arange(len(chosen)), chosen]).tolist()
        print(f"{len(same)} positions", file=sys.stderr, flush=True)
    count = len(ids) - 1
    agreement = float(np.mean(same))
    missed = [gap for gap in gaps if gap > 0]
    return {
        "loss_float32": nats["float32"] / count,
        "loss_int8": nats["int8"] / count,
        "relative_loss_difference": nats["int8"] / nats["float32"] - 1,
        "greedy_positions": len(same),
        "greedy_agreement": agreement,
        "greedy_agreement_standard_error": float(np.sqrt(agreement * (1 - agreement) / len(same))),
        "greedy_agreement_of_first_2000": float(np.mean(same[:2000])),
        "median_gap_nats_where_they_differ": float(np.median(missed)) if missed else 0.0,
    }


def _windows(ids, context_length):
    """Batches of inputs and targets [B, T]; every token is a target once, others are -1."""
    from tf_gpt2.generation.scoring import plan_windows

    plan = plan_windows(len(ids) - 1, context_length, max(1, context_length // 2))
    size = max(1, TOKENS_AT_ONCE // plan[0].length)
    for start in range(0, len(plan), size):
        group = plan[start : start + size]
        places = np.array([window.start for window in group])[:, None] + np.arange(plan[0].length)
        targets = ids[places + 1].copy()
        for row, window in enumerate(group):
            targets[row, : window.first] = -1
        yield ids[places], targets


def log_probabilities(config, weights: dict, ids: np.ndarray, activation_max: int | None = None) -> np.ndarray:
    """Logarithms of the next token's probabilities [B, T, V] after each of `ids` [B, T], in float32.

    Args:
        config: The model's configuration.
        weights: Float32 arrays by Hugging Face name.
        ids: Token ids.
        activation_max: Each vector that meets a matrix is rounded to integers of at most this size times one scale.
    """
    from export.browser.numpy_forward import forward, product_matrix

    def product(name, x):
        return (x if activation_max is None else round_vectors(x, activation_max)) @ product_matrix(weights, name)

    logits = forward(config, weights, ids, product)
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def round_vectors(x: np.ndarray, most: int) -> np.ndarray:
    """`x` [..., D] with each vector rounded to integers from -most to most times its own scale."""
    scale = np.abs(x).max(-1, keepdims=True) / np.float32(most)
    scale = np.where(scale > 0, scale, np.float32(1))
    return np.rint(x / scale) * scale


if __name__ == "__main__":
    main()

"""Measures how well a model predicts a text it has not seen.

    python -m tf_gpt2.evaluate --run_dir=runs/demo --corpus=held-out.txt

The last line of stdout is one JSON object: nats (natural logarithm) and perplexity per token and per character, and
bits per byte of UTF-8; figures per token do not compare models with different tokenizers. Each book is a document
of its own: its first token is predicted from the end-of-text token, and predicting its end is not counted.
"""

import json
import sys

from absl import flags

from tf_gpt2 import command
from tf_gpt2.errors import UserError

RUN_DIR = flags.DEFINE_string("run_dir", None, "Model directory: a run of tf_gpt2.train, or a Hugging Face GPT-2.")
CORPUS = flags.DEFINE_list("corpus", [], "Text to predict: files, folders or globs, separated by commas.")
STRIDE = flags.DEFINE_integer(
    "stride",
    None,
    "Tokens from one window to the next. Smaller gives every token more to go by and takes longer. Default: half "
    "of the context.",
)
ENCODING = flags.DEFINE_string("encoding", None, "Encoding of the files; recognised when not given.")
SCRIPT = flags.DEFINE_enum(
    "script", None, ["simplified", "traditional"], "Convert Chinese text to this script first."
)


def main(argv):
    """Runs the command."""
    del argv
    if not RUN_DIR.value:
        raise UserError("--run_dir must name a model directory; received none. `make demo` makes runs/demo")
    if not CORPUS.value:
        raise UserError("--corpus must name the text to predict; received none. Give files, folders or globs")
    from tf_gpt2 import model_directory

    config = model_directory.load_config(RUN_DIR.value)  # mistakes show before TensorFlow is imported
    stride = STRIDE.value if STRIDE.value is not None else max(1, config.context_length // 2)
    if not 1 <= stride <= config.context_length:
        raise UserError(f"--stride must be from 1 to the context length {config.context_length}; received {stride}")
    from tf_gpt2.evaluation.corpus_loss import evaluate, read_texts

    texts = read_texts(CORPUS.value, ENCODING.value, SCRIPT.value)
    from tf_gpt2.generation import load

    figures = evaluate(load(RUN_DIR.value), texts, stride, _show_progress())
    print(json.dumps({"run_dir": RUN_DIR.value, **figures}, ensure_ascii=False))
    return 0


def _show_progress():
    """A progress line on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, total, nats: None

    def show(done, total, nats):
        bar = "#" * (30 * done // total)
        end = "\n" if done == total else ""
        print(f"\r[{bar:<30}] {done}/{total} tokens, {nats:.3f} nats", end=end, file=sys.stderr, flush=True)

    return show


if __name__ == "__main__":
    command.run(main)

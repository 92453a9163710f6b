"""Makes a SavedModel for TensorFlow Serving.

    tf-gpt2 savedmodel --run_dir=runs/demo --output=models/demo/1

Text in, text out: the tokenizer is inside the graph. The last part of --output is the version; TF Serving serves
the highest one. Beside the versions `models.config` and `batching_parameters.txt` are written. docs/serve.md
describes the signatures and how to serve them.
"""

import json
from collections.abc import Sequence

from tf_gpt2 import command


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _export)


def _flags() -> command.Flags:
    # A limit of the library is called as what it limits; the flag says that it is one.
    aliases = {**command.MODEL_ALIASES, "max_new_tokens": "max_new_tokens_limit"}
    flags = command.Flags("export.savedmodel", __doc__ or "", aliases=aliases)
    flags.group("The usual flags")
    flags.string("run_dir", "runs/demo", command.MODEL_HELP, value="DIR")
    flags.string("output", None, "New folder to write, NAME/VERSION, for example models/demo/1.", value="DIR")
    flags.group("What a request may ask for")
    flags.integer("max_batch_size", 8, "Most texts of a request, and of a batch of requests.", least=1)
    flags.integer("max_prompt_bytes", 16384, "Longest prompt or text, in bytes of UTF-8.", least=1)
    flags.integer("max_new_tokens_limit", 1024, "Most tokens a request may ask for.", least=1)
    flags.group("The graph")
    flags.boolean("xla", False, "Compile the writing with XLA, which TF Serving's stock CPU build cannot run.")
    return flags


def _export(flags: command.Values) -> int:
    from .serving.saved_model import check_output, write_savedmodel

    check_output(flags.output)  # a mistake shows before TensorFlow is imported
    from tf_gpt2 import runtime

    runtime.load_tensorflow()
    from absl import logging

    from .serving.limits import Limits

    logging.set_verbosity(logging.WARNING)  # saving tells how it names the graph's parts
    limits = Limits(flags.max_batch_size, flags.max_prompt_bytes, flags.max_new_tokens_limit)
    command.result(json.dumps(write_savedmodel(flags.run_dir, flags.output, limits=limits, xla=flags.xla)))
    return 0


if __name__ == "__main__":
    command.run(main)

"""Makes a folder for Hugging Face, with a model card.

    tf-gpt2 huggingface --run_dir=runs/demo --output=publish

The run directory opens in transformers as it is; this adds a model card with the run's figures, leaves out what
only training needs, and can halve the file with --dtype=float16.
"""

import json
from collections.abc import Sequence

from tf_gpt2 import command


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _export)


def _flags() -> command.Flags:
    flags = command.Flags("export.huggingface", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.string("run_dir", "runs/demo", command.MODEL_HELP, value="DIR")
    flags.string("output", None, "New folder to write.", value="DIR")
    flags.group("The files")
    flags.choice("dtype", "float32", ["float32", "float16"], "How weights are stored. float16: half the size.")
    return flags


def _export(flags: command.Values) -> int:
    flags.demand("output", "must name the folder to write; for example --output=publish")
    from .formats.hugging_face import write_huggingface

    command.result(json.dumps(write_huggingface(flags.run_dir, flags.output, dtype=flags.dtype)))
    return 0


if __name__ == "__main__":
    command.run(main)

"""Makes a checkpoint for OpenAI's code and gpt-2-simple.

    tf-gpt2 openai --run_dir=runs/demo --output=models/mine

A character vocabulary is rewritten as a byte-level BPE: text of known characters keeps its ids.
"""

import json
from collections.abc import Sequence

from tf_gpt2 import command


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _export)


def _flags() -> command.Flags:
    flags = command.Flags("export.openai", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.string("run_dir", "runs/demo", command.MODEL_HELP, value="DIR")
    flags.string("output", None, "New folder to write, for example models/mine.", value="DIR")
    return flags


def _export(flags: command.Values) -> int:
    flags.demand("output", "must name the folder to write; for example --output=models/mine")
    from .formats.openai import write_openai

    command.result(json.dumps(write_openai(flags.run_dir, flags.output)))
    return 0


if __name__ == "__main__":
    command.run(main)

"""Makes a KerasHub preset.

    tf-gpt2 keras_hub --run_dir=runs/demo --output=preset

`keras_hub.models.GPT2CausalLM.from_preset("preset")` opens it. A character vocabulary is rewritten as a byte-level
BPE: text of known characters keeps its ids.
"""

import json
from collections.abc import Sequence

from tf_gpt2 import command


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _export)


def _flags() -> command.Flags:
    flags = command.Flags("export.keras_hub", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.string("run_dir", "runs/demo", command.MODEL_HELP, value="DIR")
    flags.string("output", None, "New folder to write.", value="DIR")
    return flags


def _export(flags: command.Values) -> int:
    flags.demand("output", "must name the folder to write; for example --output=preset")
    from .formats.keras_hub import write_keras_hub

    command.result(json.dumps(write_keras_hub(flags.run_dir, flags.output)))
    return 0


if __name__ == "__main__":
    command.run(main)

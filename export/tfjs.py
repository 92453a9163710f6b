"""Makes the TensorFlow.js bundle of a model.

    tf-gpt2 tfjs --run_dir=runs/demo --output=bundle

The bundle is what the page of `tf-gpt2 site` loads. With --graph_model the standard GraphModel, which
`tf.loadGraphModel` opens, is written beside it into the folder graph_model.
"""

import json
import pathlib
from collections.abc import Sequence

from tf_gpt2 import command


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _export)


def _flags() -> command.Flags:
    flags = command.Flags("export.tfjs", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.string("run_dir", "runs/demo", command.MODEL_HELP, value="DIR")
    flags.string(
        "output", None, "Directory to write the bundle into; a former bundle there is replaced.", value="DIR"
    )
    flags.group("The files")
    flags.choice(
        "dtype",
        "int8",
        ["int8", "float16", "float32"],
        "How the bundle stores weights. int8: a quarter of float32's size, one scale an output channel, text "
        "hardly distinguishable; float16: half; float32: exact.",
    )
    flags.boolean("graph_model", False, "Also write a standard TensorFlow.js GraphModel, in float32.")
    return flags


def _export(flags: command.Values) -> int:
    flags.demand("output", "must name the directory to write; for example --output=bundle")
    from .browser.bundle import write_bundle

    command.message("writing the weights")
    bundle = write_bundle(flags.run_dir, flags.output, flags.dtype)
    summary = {"output": flags.output, "dtype": bundle["dtype"], "bytes": bundle["bytes"]}
    if flags.graph_model:
        from .browser.graph_model import write_graph_model

        folder = pathlib.Path(flags.output) / "graph_model"
        write_graph_model(flags.run_dir, folder)
        summary["graph_model"] = str(folder)
    command.result(json.dumps(summary))
    return 0


if __name__ == "__main__":
    command.run(main)

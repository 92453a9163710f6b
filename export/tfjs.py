"""Exports a model for TensorFlow.js: python -m export.tfjs --run_dir=runs/demo --output=bundle

The bundle is what the page of `python -m export.site` loads. With --graph_model the standard GraphModel, which
`tf.loadGraphModel` opens, is written beside it into the folder graph_model.
"""

import json
import pathlib

from absl import flags

from tf_gpt2 import command
from tf_gpt2.errors import UserError

FLAGS = flags.FLAGS
flags.DEFINE_string("run_dir", "runs/demo", "Model directory: a run of tf_gpt2.train or any Hugging Face GPT-2.")
flags.DEFINE_string("output", None, "Directory to write the bundle into; a former bundle there is replaced.")
flags.DEFINE_enum(
    "dtype",
    "int8",
    ["int8", "float16", "float32"],
    "How weights are stored. int8: a quarter of float32's size, one scale an output channel, text hardly "
    "distinguishable; float16: half; float32: exact.",
)
flags.DEFINE_bool("graph_model", False, "Also write a standard TensorFlow.js GraphModel.")


def main(argv):
    """Runs the command."""
    del argv
    from .browser.bundle import write_bundle

    if not FLAGS.output:
        raise UserError("--output must name the directory to write; for example --output=bundle")
    command.message("writing the weights")
    bundle = write_bundle(FLAGS.run_dir, FLAGS.output, FLAGS.dtype)
    summary = {"output": FLAGS.output, "dtype": bundle["dtype"], "bytes": bundle["bytes"]}
    if FLAGS.graph_model:
        from .browser.graph_model import write_graph_model

        folder = pathlib.Path(FLAGS.output) / "graph_model"
        write_graph_model(FLAGS.run_dir, folder)
        summary["graph_model"] = str(folder)
    print(json.dumps(summary))


if __name__ == "__main__":
    command.run(main)

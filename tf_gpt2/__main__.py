"""The door to all commands: `tf-gpt2 train ...` is `python -m tf_gpt2.train ...`; alone it lists them."""

import importlib
import sys
from collections.abc import Sequence

from tf_gpt2 import __version__, command
from tf_gpt2.errors import UserError

# name: module, what it does
COMMANDS = {
    "train": ("tf_gpt2.train", "train a GPT-2 on novels"),
    "sample": ("tf_gpt2.sample", "write text with a model"),
    "evaluate": ("tf_gpt2.evaluate", "measure how well a model predicts a text"),
    "site": ("tf_gpt2.export.site", "make a page that writes in the visitor's browser"),
    "savedmodel": ("tf_gpt2.export.savedmodel", "make a SavedModel for TensorFlow Serving"),
    "tfjs": ("tf_gpt2.export.tfjs", "make the TensorFlow.js bundle alone"),
    "huggingface": ("tf_gpt2.export.huggingface", "make a folder for Hugging Face, with a model card"),
    "openai": ("tf_gpt2.export.openai", "make a checkpoint for OpenAI's code and gpt-2-simple"),
    "keras_hub": ("tf_gpt2.export.keras_hub", "make a KerasHub preset"),
}


def main(argv: Sequence[str]) -> int:
    """Runs the command that the first argument names; without one, lists them."""
    if not argv or argv[0] in ("--help", "-h", "help"):
        print(_listing())
        return 0
    if argv[0] == "--version":
        print(f"tf_gpt2 {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        raise UserError(f"the command must be one of {', '.join(COMMANDS)}; received {argv[0]!r}")
    module = importlib.import_module(COMMANDS[argv[0]][0])
    return module.main(argv[1:])


def _listing() -> str:
    lines = [f"  {name:<14}{text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        ["usage: tf-gpt2 COMMAND [flags]", "", *lines, "", "tf-gpt2 COMMAND --help explains the flags of each."]
    )


def run() -> None:
    """The console command."""
    command.run(main)


if __name__ == "__main__":
    sys.exit(command.call(main, sys.argv[1:]))

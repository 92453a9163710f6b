"""The door to all commands: `tf-gpt2 train ...` is `python -m tf_gpt2.train ...`; alone it lists them."""

import importlib
import importlib.util
import pathlib
import sys
from collections.abc import Sequence
from types import ModuleType

import tf_gpt2
from tf_gpt2 import command
from tf_gpt2.flags import did_you_mean

# name: module, what it does
COMMANDS = {
    "train": ("tf_gpt2.train", "train a GPT-2 on novels"),
    "prepare": ("tf_gpt2.prepare", "prepare a corpus for training elsewhere"),
    "sample": ("tf_gpt2.sample", "write text with a model"),
    "evaluate": ("tf_gpt2.evaluate", "measure how well a model predicts a text"),
    "runs": ("tf_gpt2.runs", "list and compare trainings"),
    "inspect": ("tf_gpt2.inspect", "show what a model computes for a text, in one file"),
    "originality": ("tf_gpt2.originality", "say what a model has copied from its corpus"),
    "site": ("tf_gpt2.export.site", "make a page that writes in the visitor's browser"),
    "savedmodel": ("tf_gpt2.export.savedmodel", "make a SavedModel for TensorFlow Serving"),
    "tfjs": ("tf_gpt2.export.tfjs", "make the TensorFlow.js bundle alone"),
    "huggingface": ("tf_gpt2.export.huggingface", "make a folder for Hugging Face, with a model card"),
    "openai": ("tf_gpt2.export.openai", "make a checkpoint for OpenAI's code and gpt-2-simple"),
    "keras_hub": ("tf_gpt2.export.keras_hub", "make a KerasHub preset"),
}
_EXPORT = "tf_gpt2.export"


def main(argv: Sequence[str]) -> int:
    """Runs the command that the first argument names; without one, lists them."""
    if not argv or argv[0] in ("--help", "-h", "help"):
        command.result(_listing())
        return 0
    if argv[0] == "--version":
        command.result(f"tf_gpt2 {tf_gpt2.__version__}")
        return 0
    if argv[0] not in COMMANDS:
        raise command.CommandError(
            f"the command must be one of {', '.join(COMMANDS)}; received {argv[0]!r}"
            f"{did_you_mean(argv[0], COMMANDS)}"
        )
    return _module(COMMANDS[argv[0]][0]).main(argv[1:])


def _module(name: str) -> ModuleType:
    if name.startswith(f"{_EXPORT}."):
        _find_export(pathlib.Path(tf_gpt2.__file__).resolve().parent.parent)
    return importlib.import_module(name)


def _find_export(root: pathlib.Path) -> None:
    """In a checkout that is not installed the exporters lie beside the package: imports them from there."""
    if importlib.util.find_spec(_EXPORT) is not None:
        return
    folder = root / "export"
    if not ((root / "setup.cfg").is_file() and (folder / "__init__.py").is_file()):
        return  # not our checkout; the import says what is missing
    spec = importlib.util.spec_from_file_location(
        _EXPORT, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_EXPORT] = module
    spec.loader.exec_module(module)
    tf_gpt2.export = module  # type: ignore[attr-defined]


def _listing() -> str:
    lines = [f"  {name:<14}{text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        ["usage: tf-gpt2 COMMAND [flags]", "", *lines, "", "tf-gpt2 COMMAND --help explains the flags of each."]
    )


def run() -> None:
    """The console command."""
    command.run(main)


if __name__ == "__main__":
    run()

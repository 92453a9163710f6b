"""Which format a folder holds, and folders by name from the model hubs."""

import os
import pathlib
from types import ModuleType

from tf_gpt2.errors import UserError
from tf_gpt2.files import read_json
from tf_gpt2.formats import hub, hugging_face, keras_hub, openai


def locate(source: str | os.PathLike) -> pathlib.Path:
    """The folder that the user means: a path, or a name that is downloaded (hub.py).

    Raises:
        UserError: There is no such folder and no such name, or the download failed.
    """
    folder = pathlib.Path(source)
    if os.path.isdir(folder):
        return folder
    if hub.is_name(str(source)):
        return hub.download(str(source))
    raise UserError(
        f"`source` must be a model directory; {source} is no directory. Train one first, or name "
        f"one of a hub: hf://OWNER/NAME, kaggle://HANDLE or gpt2_base_en"
    )


def format_of(folder: pathlib.Path) -> ModuleType:
    """The module of this package that reads the folder.

    Raises:
        UserError: Its config.json cannot be read.
    """
    path = folder / hugging_face.CONFIG_FILE
    if not os.path.exists(path):
        return openai if os.path.exists(folder / openai.HPARAMS_FILE) else hugging_face
    return keras_hub if "class_name" in read_json(path, remedy="copy the model again") else hugging_face


def vocabulary_size(folder: pathlib.Path) -> int | None:
    """Number of ids of the model in a folder; None where it holds no model, or one that cannot be opened."""
    if not any(os.path.exists(folder / name) for name in (hugging_face.CONFIG_FILE, openai.HPARAMS_FILE)):
        return None
    try:
        return format_of(folder).read_config(folder).vocabulary_size
    except UserError:  # which whoever opens the model is told
        return None

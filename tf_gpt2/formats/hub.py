"""Models by name: KerasHub's presets, anything from Kaggle or Hugging Face; kept in their libraries' caches."""

import pathlib

from tf_gpt2.errors import UserError

# KerasHub's names for OpenAI's models, with their places (keras_hub, models/gpt2/gpt2_presets.py).
PRESETS = {
    name: f"keras/gpt2/keras/{name}/3"
    for name in (
        "gpt2_base_en",
        "gpt2_medium_en",
        "gpt2_large_en",
        "gpt2_extra_large_en",
        "gpt2_base_en_cnn_dailymail",
    )
}
_KAGGLE, _HUGGING_FACE = "kaggle://", "hf://"
_FILES = ("*.json", "vocab.txt", "merges.txt", "vocab.bpe")


def is_name(source: str) -> bool:
    """Whether this names a model of a hub."""
    return source in PRESETS or source.startswith((_KAGGLE, _HUGGING_FACE))


def download(name: str) -> pathlib.Path:
    """Downloads a model, or finds it in the hub's own cache.

    Raises:
        UserError: The download failed.
    """
    try:
        if name.startswith(_HUGGING_FACE):
            return _from_hugging_face(name.removeprefix(_HUGGING_FACE))
        import kagglehub

        return pathlib.Path(kagglehub.model_download(PRESETS.get(name, name.removeprefix(_KAGGLE))))
    except Exception as error:  # each library and its HTTP client have errors of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{name} cannot be downloaded ({reason[:200]}); check name and network, or download the folder "
            "elsewhere and give its path"
        ) from None


def _from_hugging_face(repository) -> pathlib.Path:
    from huggingface_hub import snapshot_download

    folder = pathlib.Path(snapshot_download(repository, allow_patterns=[*_FILES, "model*.safetensors"]))
    if not list(folder.glob("model*.safetensors")):
        folder = pathlib.Path(snapshot_download(repository, allow_patterns=[*_FILES, "pytorch_model*.bin"]))
    return folder

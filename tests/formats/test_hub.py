"""Names of models: what is asked of the hubs' own libraries, and what a failure says."""

import sys
import types

import checkpoints
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.formats import hub
from tf_gpt2.model_directory import load_config


def _library(monkeypatch, name, **functions):
    monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(**functions))


def test_keras_hubs_names_come_from_kaggle(monkeypatch):
    asked = []
    _library(
        monkeypatch,
        "kagglehub",
        model_download=lambda handle: asked.append(handle) or str(checkpoints.FOLDER / "keras_hub"),
    )
    assert load_config("gpt2_base_en").vocabulary_size == 284
    assert hub.download("kaggle://me/mine/keras/small") == checkpoints.FOLDER / "keras_hub"
    assert asked == ["keras/gpt2/keras/gpt2_base_en/3", "me/mine/keras/small"]


@pytest.mark.parametrize(("fixture", "downloads"), [("hugging_face", 1), ("pytorch_bin", 2)])
def test_pickles_are_fetched_only_where_there_is_nothing_else(monkeypatch, fixture, downloads):
    asked = []

    def snapshot_download(repository, allow_patterns):
        asked.append((repository, allow_patterns[-1]))
        return str(checkpoints.FOLDER / fixture)

    _library(monkeypatch, "huggingface_hub", snapshot_download=snapshot_download)
    hub.download("hf://someone/some-gpt2")
    assert (
        asked
        == [
            ("someone/some-gpt2", "model*.safetensors"),
            ("someone/some-gpt2", "pytorch_model*.bin"),
        ][:downloads]
    )


def test_without_network_there_is_one_clear_line(monkeypatch):
    def model_download(handle):
        raise ConnectionError("no route\nto host")

    _library(monkeypatch, "kagglehub", model_download=model_download)
    with pytest.raises(UserError, match=r"gpt2_base_en cannot be downloaded \(no route\).*network") as caught:
        hub.download("gpt2_base_en")
    assert "\n" not in str(caught.value)


def test_presets_are_those_of_keras_hub():
    from keras_hub.src.models.gpt2.gpt2_presets import backbone_presets

    theirs = {name: entry["kaggle_handle"].removeprefix("kaggle://") for name, entry in backbone_presets.items()}
    assert theirs == hub.PRESETS

"""Pickles stay closed without PyTorch, and open through its safe unpickler with it."""

import pickle
import sys

import checkpoints
import numpy as np
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.formats import hugging_face
from tf_gpt2.model_directory import load_model


def _open(folder):
    return hugging_face.open_weights(folder, hugging_face.read_config(folder))


def test_without_pytorch_the_line_says_how_to_convert(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match="pip install torch, or convert it.*safetensors") as caught:
        _open(checkpoints.FOLDER / "pytorch_bin")
    assert "\n" not in str(caught.value)


def test_safetensors_come_first(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    folder = checkpoints.copy("hugging_face", tmp_path)
    (folder / "pytorch_model.bin").write_bytes(b"never opened")
    assert len(_open(folder)) == 28


def test_pytorch_opens_it_live():
    pytest.importorskip("torch", reason="needs PyTorch")
    model, _ = load_model(checkpoints.FOLDER / "pytorch_bin")
    checkpoints.check_logits("pytorch_bin", lambda ids: np.array(model(ids[None].astype(np.int32)))[0])


def test_the_format_before_pytorch_1_6_opens_live(tmp_path):
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    folder = checkpoints.copy("pytorch_bin", tmp_path)
    values = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save(values, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    np.testing.assert_array_equal(_open(folder)["ln_f.bias"], values["transformer.ln_f.bias"].numpy())


class _Evil:
    def __reduce__(self):
        return (print, ("this must never run",))


def test_code_in_a_pickle_never_runs_live(tmp_path, capsys):
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    folder = checkpoints.copy("pytorch_bin", tmp_path)
    for content in (pickle.dumps({"x": _Evil()}), b"", b"rubbish"):
        (folder / "pytorch_model.bin").write_bytes(content)
        with pytest.raises(UserError, match="damaged"):
            _open(folder)
    torch.save([1, 2], folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="tensors by name"):
        _open(folder)
    huge = torch.zeros(1).expand(10**12)
    torch.save({"transformer.wte.weight": huge}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="damaged|shape"):
        _open(folder)
    assert "this must never run" not in capsys.readouterr().out

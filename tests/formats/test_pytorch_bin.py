"""Pickles stay closed without PyTorch, and open through its safe unpickler with it."""

import pickle
import sys
import types
import zipfile

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


@pytest.mark.parametrize("version", ["1.13.1", "2.5.1+cu121", "2.9.1", "unknown"])
def test_a_pytorch_that_lets_a_file_run_code_is_refused(monkeypatch, version):
    torch = types.SimpleNamespace(__version__=version, load=lambda *_, **__: pytest.fail("it was opened"))
    monkeypatch.setitem(sys.modules, "torch", torch)
    with pytest.raises(UserError, match=r"needs PyTorch 2\.10.*Upgrade it, or convert it.*safetensors") as caught:
        _open(checkpoints.FOLDER / "pytorch_bin")
    assert "\n" not in str(caught.value) and len(str(caught.value)) <= 500


@pytest.mark.parametrize("version", ["2.10.0", "2.13.0a0+git1", "3.0"])
def test_a_sound_pytorch_is_asked(monkeypatch, version):
    def load(*_, **__):
        raise ValueError("asked")

    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(__version__=version, load=load))
    with pytest.raises(UserError, match=r"damaged \(asked\)"):
        _open(checkpoints.FOLDER / "pytorch_bin")


def test_what_a_small_archive_would_unpack_to_is_not_read(tmp_path, monkeypatch):
    folder = checkpoints.copy("pytorch_bin", tmp_path)
    with zipfile.ZipFile(folder / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(1 << 20))
    torch = types.SimpleNamespace(__version__="2.13.0", load=lambda *_, **__: pytest.fail("it was opened"))
    monkeypatch.setitem(sys.modules, "torch", torch)
    with pytest.raises(UserError, match="archive/data/0' is compressed"):
        _open(folder)


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

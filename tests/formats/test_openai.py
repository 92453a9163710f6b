"""OpenAI's checkpoints, gpt-2-simple's, and what is wrong with others."""

import json

import checkpoints
import numpy as np
import pytest
import tensorflow as tf

from tf_gpt2.errors import UserError
from tf_gpt2.formats import openai
from tf_gpt2.model_directory import load_model


@pytest.fixture
def folder(tmp_path):
    return checkpoints.copy("openai", tmp_path)


def _open(folder):
    return openai.open_weights(folder, openai.read_config(folder))


def _save(folder, **changes):
    """Writes the checkpoint again with some variables changed, added, or left out (None)."""
    reader = tf.train.load_checkpoint(str(folder / "model.ckpt"))
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()} | changes
    values = {name: value for name, value in values.items() if value is not None}
    tf.raw_ops.SaveV2(
        prefix=str(folder / "model.ckpt"),
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=list(values.values()),
    )


def test_what_gpt_2_simple_leaves_opens(folder):
    for path in folder.glob("model.ckpt.*"):
        path.rename(folder / path.name.replace("model.ckpt", "model-1000"))
    (folder / "checkpoint").write_text(
        'model_checkpoint_path: "/content/checkpoint/run1/model-1000"\nall_model_checkpoint_paths: "model-900"\n'
    )
    (folder / "counter").write_text("1001\n")
    model, _ = load_model(folder)
    checkpoints.check_logits("openai", lambda ids: np.array(model(ids[None].astype(np.int32)))[0])
    (folder / "checkpoint").unlink()  # one checkpoint is clear without it
    assert len(_open(folder)) == 28


def test_what_an_optimizer_left_is_passed_over(folder):
    _save(folder, **{"model/wte/Adam": np.zeros(3, "f"), "beta1_power": np.float32(1), "global_step": np.int64(3)})
    assert "wte.weight" in _open(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model/h2/ln_1/g": np.zeros(16, "f")}, "model/h2/ln_1/g has no place"),
        ({"model/h1/attn/c_proj/b": None}, "model/h1/attn/c_proj/b is missing"),
        ({"model/wpe": np.zeros((63, 16), "f")}, r"model/wpe must have the shape \(64, 16\)"),
        ({"model/ln_f/b": np.zeros(16, np.int32)}, "model/ln_f/b must hold floating-point"),
    ],
)
def test_a_variable_that_does_not_belong_is_named(folder, changes, message):
    _save(folder, **changes)
    with pytest.raises(UserError, match=message):
        _open(folder)


def test_half_precision_is_widened(folder):
    bias = np.linspace(-1, 1, 16).astype(np.float16)
    _save(folder, **{"model/ln_f/b": bias})
    np.testing.assert_array_equal(_open(folder)["ln_f.bias"], bias.astype(np.float32))


def test_damage_is_one_clear_line(folder):
    data = folder / "model.ckpt.data-00000-of-00001"
    whole = data.read_bytes()
    data.write_bytes(whole[:-1000])
    with pytest.raises(UserError, match=r"data-\* is damaged \(48640 bytes are needed"):
        _open(folder)
    data.write_bytes(whole[:1000] + b"\x55" * 2000 + whole[3000:])
    weights = _open(folder)
    with pytest.raises(UserError, match="damaged") as caught:
        for _ in weights.values():
            pass
    assert "\n" not in str(caught.value)
    (folder / "model.ckpt.index").write_bytes(b"\x00" * 500)
    with pytest.raises(UserError, match="index is damaged"):
        _open(folder)


@pytest.mark.parametrize("path", ["../other/model", "model-7", ""])
def test_a_checkpoint_elsewhere_or_missing_is_refused(folder, path):
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{path}"\n')
    with pytest.raises(UserError, match=r"\.index is missing"):
        _open(folder)


@pytest.mark.parametrize(
    ("hparams", "message"),
    [
        ({"n_vocab": 10**12}, "vocabulary_size"),
        ({"n_ctx": 64}, "n_vocab"),
        ({"n_vocab": 284, "n_layer": "x"}, "n_layer must be a valid integer; received 'x'"),
        ({"n_vocab": 2_000_000, "n_embd": 65_536, "n_head": 1, "n_layer": 1000}, "shape"),
    ],
)
def test_absurd_sizes_are_refused(folder, hparams, message):
    (folder / "hparams.json").write_text(json.dumps(hparams))
    with pytest.raises(UserError, match=message):
        _open(folder)


def test_names_are_openais():
    assert openai.variable_name("h.11.attn.c_attn.weight") == "model/h11/attn/c_attn/w"
    assert openai.variable_name("h.0.mlp.c_proj.bias") == "model/h0/mlp/c_proj/b"
    assert openai.variable_name("h.0.ln_2.weight") == "model/h0/ln_2/g"
    assert openai.variable_name("ln_f.bias") == "model/ln_f/b"
    assert openai.variable_name("wpe.weight") == "model/wpe"

"""Every tensor has its place, and every index stays in its folder."""

import json

import checkpoints
import numpy as np
import pytest
import safetensors.numpy

from tf_gpt2.errors import UserError
from tf_gpt2.formats import hugging_face


def _open(folder):
    return hugging_face.open_weights(folder, hugging_face.read_config(folder))


def _edit_json(path, **changes):
    values = json.loads(path.read_text())
    values.update(changes)
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


def _edit_tensors(folder, edit):
    tensors = safetensors.numpy.load_file(folder / "model.safetensors")
    edit(tensors)
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")


def _shard_bytes(folder, name, shard):
    _edit_json(folder / "model.safetensors.index.json", weight_map={name: shard})


@pytest.fixture
def folder(tmp_path):
    return checkpoints.copy("hugging_face", tmp_path)


@pytest.mark.parametrize(
    "name", ["lm_head.bias", "transformer.h.2.ln_1.bias", "score.weight", "transformer.h.0.attn.biases"]
)
def test_a_tensor_that_nothing_would_use_is_named(folder, name):
    _edit_tensors(folder, lambda tensors: tensors.update({name: np.zeros(3, np.float32)}))
    with pytest.raises(UserError, match=name):
        _open(folder)


def test_a_bare_name_beside_prefixed_ones_is_one_too_many(folder):
    _edit_tensors(folder, lambda tensors: tensors.update({"wte.weight": tensors["transformer.wte.weight"]}))
    with pytest.raises(UserError, match="the tensor wte.weight has no place"):
        _open(folder)


def test_a_missing_tensor_and_a_wrong_shape_are_named(folder):
    _edit_tensors(folder, lambda tensors: tensors.pop("transformer.h.1.mlp.c_fc.bias"))
    with pytest.raises(UserError, match=r"transformer\.h\.1\.mlp\.c_fc\.bias is missing"):
        _open(folder)
    _edit_tensors(folder, lambda t: t.update({"transformer.h.1.mlp.c_fc.bias": np.zeros(63, np.float32)}))
    with pytest.raises(UserError, match=r"c_fc\.bias must have the shape \(64,\).*\(63,\)"):
        _open(folder)


def test_quantised_weights_are_refused(folder):
    _edit_tensors(folder, lambda t: t.update({"transformer.ln_f.bias": np.zeros(16, np.int8)}))
    with pytest.raises(UserError, match=r"ln_f\.bias must hold floating-point"):
        _open(folder)


def test_a_stored_head_must_be_the_embedding_it_is_tied_to(tmp_path):
    folder = checkpoints.copy("gpt2_chinese", tmp_path)
    _edit_tensors(folder, lambda tensors: tensors["lm_head.weight"].__setitem__((0, 0), 7.0))
    with pytest.raises(UserError, match="lm_head.weight differs.*tie_word_embeddings"):
        _open(folder)
    _edit_json(folder / "config.json", tie_word_embeddings=False)
    assert _open(folder)["lm_head.weight"][0, 0] == 7.0


@pytest.mark.parametrize("field", ["n_layer", "n_head", "n_embd", "vocab_size", "n_positions", "n_inner"])
def test_absurd_sizes_are_refused_before_memory_is_taken(folder, field):
    _edit_json(folder / "config.json", **{field: 10**15})
    with pytest.raises(UserError, match="config.json"):
        hugging_face.read_config(folder)


def test_sizes_that_the_file_does_not_bear_out_are_refused(folder):
    _edit_json(folder / "config.json", vocab_size=2_000_000, n_embd=65_536, n_layer=1000)
    with pytest.raises(UserError, match=r"must have the shape \(2000000, 65536\)"):
        _open(folder)


@pytest.mark.parametrize(
    ("field", "value"), [("scale_attn_weights", False), ("scale_attn_by_inverse_layer_idx", True)]
)
def test_variants_of_attention_are_refused(folder, field, value):
    _edit_json(folder / "config.json", **{field: value})
    with pytest.raises(UserError, match=field):
        hugging_face.read_config(folder)


def test_the_old_name_of_the_context_length_is_known(tmp_path):
    folder = checkpoints.copy("gpt2_chinese", tmp_path)
    assert hugging_face.read_config(folder).context_length == 64
    _edit_json(folder / "config.json", n_ctx=None)
    with pytest.raises(UserError, match="n_ctx"):
        hugging_face.read_config(folder)


@pytest.mark.parametrize(
    "shard",
    ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", ".hidden.safetensors", "model.bin",
     "a\\b.safetensors", "x\x00.safetensors"],
)  # fmt: skip
def test_an_index_stays_in_its_folder(tmp_path, shard):
    folder = checkpoints.copy("hugging_face_sharded", tmp_path)
    _shard_bytes(folder, "transformer.wte.weight", shard)
    with pytest.raises(UserError, match="in the same folder"):
        _open(folder)


@pytest.mark.parametrize("weight_map", [[], {"a": 5}, None])
def test_a_damaged_index_is_refused(tmp_path, weight_map):
    folder = checkpoints.copy("hugging_face_sharded", tmp_path)
    _edit_json(folder / "model.safetensors.index.json", weight_map=weight_map)
    with pytest.raises(UserError, match="weight_map"):
        _open(folder)


def test_an_index_and_its_shards_must_agree(tmp_path):
    folder = checkpoints.copy("hugging_face_sharded", tmp_path)
    index = folder / "model.safetensors.index.json"
    weight_map = json.loads(index.read_text())["weight_map"]
    moved = next(iter(weight_map))
    other = next(shard for shard in weight_map.values() if shard != weight_map[moved])
    _edit_json(index, weight_map={**weight_map, moved: other})
    with pytest.raises(UserError, match=f"{moved}.*must be in"):
        _open(folder)
    (folder / other).unlink()
    with pytest.raises(UserError, match=other):
        _open(folder)


def test_weights_in_a_linked_cache_open(tmp_path):
    """The cache of huggingface_hub is a folder of links to files elsewhere."""
    folder = checkpoints.copy("hugging_face", tmp_path)
    blob = tmp_path / "blob"
    (folder / "model.safetensors").rename(blob)
    (folder / "model.safetensors").symlink_to(blob)
    assert _open(folder)["wte.weight"].shape == (284, 16)


def test_nothing_is_read_before_it_is_asked_for(folder):
    weights = _open(folder)
    first = weights["wte.weight"]
    assert isinstance(first.base, np.memmap) or isinstance(first, np.memmap)
    assert weights["wte.weight"] is not first
    with pytest.raises(KeyError):
        weights["nothing"]

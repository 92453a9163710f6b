"""Every format opens through the same three calls and computes what the original program computes."""

import hashlib
import json

import checkpoints
import numpy as np
import pytest
from eager import eagerly

from tf_gpt2 import generation
from tf_gpt2.errors import UserError
from tf_gpt2.formats import detect, hugging_face, keras_hub, openai
from tf_gpt2.formats.weights import tensor_shapes
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.model_directory import load_config, load_model, load_weights
from tf_gpt2.tokenizer import Tokenizer

TOKENS = json.loads((checkpoints.FOLDER / "tokens.json").read_text())
TOKENIZERS = [
    ("hugging_face", "bpe"),
    ("hugging_face_sharded", "bpe"),
    ("openai", "bpe"),
    ("keras_hub", "bpe"),
    ("gpt2_chinese", "word_piece"),
]


@pytest.mark.parametrize("name", checkpoints.FORMATS)
def test_logits_are_those_of_the_original_program(name):
    model, _ = load_model(checkpoints.FOLDER / name)
    checkpoints.check_logits(name, lambda ids: np.array(model(ids[None].astype(np.int32)))[0])


@pytest.mark.parametrize("name", checkpoints.FORMATS)
def test_every_weight_has_its_shape_and_is_float32(name):
    config = load_config(checkpoints.FOLDER / name)
    weights = load_weights(checkpoints.FOLDER / name, config)
    assert {key: array.shape for key, array in weights.items()} == tensor_shapes(config)
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", ["openai", "gpt2_chinese"])
def test_the_generator_writes_the_original_continuation(name):
    """The engine, which takes weights and tokenizer without Keras, opens every format too."""
    original = checkpoints.expected(name)
    writer = generation.load(checkpoints.FOLDER / name)
    settings = GenerationSettings(temperature=0.0, max_new_tokens=50, stop_at_end_of_text=False)
    prompt = int(original["prompt"])
    session = writer.engine.start([original["greedy"][:prompt].astype(np.int32)], settings, 0, [0], [0])
    with eagerly():
        while session.active[0] and len(session.tokens[0]) < 50:
            session.advance(50 - len(session.tokens[0]))
    assert session.tokens[0][:50] == original["greedy"][prompt:].tolist()


@pytest.mark.parametrize(("name", "kind"), TOKENIZERS)
def test_ids_are_those_of_the_original_tokenizer(name, kind):
    tokenizer = Tokenizer.load(checkpoints.FOLDER / name)
    for text, ids in TOKENS[kind]["nasty"]:
        assert tokenizer.encode(text).tolist() == ids, text
    for character, (length, digest) in TOKENS[kind]["long"]:
        ids = tokenizer.encode(character * 100_000)
        assert (len(ids), hashlib.sha256(ids.astype("<i4").tobytes()).hexdigest()) == (length, digest), character


@pytest.mark.parametrize("name", checkpoints.FORMATS)
def test_the_token_between_texts_is_found(name):
    assert Tokenizer.load(checkpoints.FOLDER / name).end_of_text_id == int(checkpoints.expected(name)["end"])


@pytest.mark.parametrize(
    ("name", "module"), [("hugging_face", hugging_face), ("openai", openai), ("keras_hub", keras_hub)]
)
def test_the_format_is_told_by_the_files(name, module):
    assert detect.format_of(checkpoints.FOLDER / name) is module


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match="is no directory.*hf://") as caught:
        detect.locate(tmp_path / "nowhere")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["hugging_face", "hugging_face_sharded"])
def test_transformers_gives_the_same_live(name):
    transformers = pytest.importorskip("transformers", reason="needs transformers and torch")
    torch = pytest.importorskip("torch", reason="needs torch")
    theirs = transformers.GPT2LMHeadModel.from_pretrained(checkpoints.FOLDER / name, dtype=torch.float32).eval()
    ours, config = load_model(checkpoints.FOLDER / name)
    ids = np.random.default_rng(3).integers(0, config.vocabulary_size, config.context_length)
    with torch.no_grad():
        logits = theirs(torch.tensor(ids)[None]).logits[0].numpy()
    np.testing.assert_allclose(np.array(ours(ids[None]))[0], logits, atol=checkpoints.TOLERANCE)


def test_keras_hub_gives_the_same_live():
    keras_hub_library = pytest.importorskip("keras_hub")
    theirs = keras_hub_library.models.GPT2CausalLM.from_preset(str(checkpoints.FOLDER / "keras_hub"))
    ours, config = load_model(checkpoints.FOLDER / "keras_hub")
    ids = np.random.default_rng(3).integers(0, config.vocabulary_size, (1, config.context_length))
    logits = theirs({"token_ids": ids, "padding_mask": np.ones_like(ids)})
    np.testing.assert_allclose(np.array(ours(ids)), np.array(logits), atol=checkpoints.TOLERANCE)
    text = "It was the best 话说天下\n\n of times"
    ours_ids = Tokenizer.load(checkpoints.FOLDER / "keras_hub").encode(text)
    np.testing.assert_array_equal(np.array(theirs.preprocessor.tokenizer(text)), ours_ids)

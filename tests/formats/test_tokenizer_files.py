"""Vocabularies under all their names."""

import json
import shutil

import checkpoints
import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.tokenizer import Tokenizer


@pytest.fixture
def folder(tmp_path):
    return checkpoints.copy("hugging_face", tmp_path)


def test_the_same_vocabulary_under_four_names_is_the_same(tmp_path):
    tokenizers = [
        Tokenizer.load(checkpoints.FOLDER / name)
        for name in ("hugging_face", "hugging_face_sharded", "openai", "keras_hub")
    ]
    text = "It was the best of times.\n\n话说天下大势 <|endoftext|> 😀"
    assert len({tuple(tokenizer.encode(text)) for tokenizer in tokenizers}) == 1
    assert {(t.kind, t.vocab_size, t.end_of_text_id) for t in tokenizers} == {("bpe", 284, 0)}
    for tokenizer in tokenizers:
        assert tokenizer.decode(tokenizer.encode(text)) == text
        tokenizer.save(tmp_path)
        assert Tokenizer.load(tmp_path).encode(text).tolist() == tokenizer.encode(text).tolist()


def test_added_tokens_have_their_ids(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 286}))
    (folder / "added_tokens.json").write_text(json.dumps({"<|b|>": 285, "<|a|>": 284}))
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.vocab_size == 286
    assert tokenizer.decode([284, 285]) == "<|a|><|b|>"
    (folder / "added_tokens.json").write_text(json.dumps({"<|a|>": 300}))
    with pytest.raises(UserError, match="next free id, 284; received 300"):
        Tokenizer.load(folder)


@pytest.mark.parametrize("eos", ["It", {"content": "It", "lstrip": False}])
def test_the_folder_may_name_the_token_that_ends_a_text(folder, eos):
    vocabulary = json.loads((folder / "vocab.json").read_text())
    del vocabulary["<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({**vocabulary, "It": 0}))
    with pytest.raises(UserError, match="ends a text"):
        Tokenizer.load(folder)
    (folder / "special_tokens_map.json").write_text(json.dumps({"eos_token": eos}))
    assert Tokenizer.load(folder).end_of_text_id == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.json", "[]"),
        ("vocab.json", '{"a": "b"}'),
        ("vocab.json", '{"a": -1}'),
        ("merges.txt", "a b c\n"),
        ("merges.txt", "nothing here\n"),
        ("merges.txt", None),
        ("tokenizer.json", "{}"),
        ("tokenizer.json", '{"class_name": "GPT2Tokenizer"}'),
    ],
)
def test_damage_is_one_clear_line(folder, name, content):
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(UserError) as caught:
        Tokenizer.load(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_a_folder_without_a_tokenizer_says_what_could_be_there(tmp_path):
    with pytest.raises(UserError, match=r"tokenizer\.json.*vocab\.json.*vocab\.bpe.*vocab\.txt"):
        Tokenizer.load(tmp_path)


def test_latin_1_is_no_vocabulary(tmp_path):
    shutil.copytree(checkpoints.FOLDER / "gpt2_chinese", tmp_path / "x")
    (tmp_path / "x" / "vocab.txt").write_bytes(b"[UNK]\n\xff\xfe\n")
    with pytest.raises(UserError, match=r"vocab\.txt must be"):
        Tokenizer.load(tmp_path / "x")

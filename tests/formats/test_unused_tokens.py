"""A token that the model has no row for is left out where no text needs it; another tokenizer is refused."""

import json

import checkpoints
import pytest
import tokenizers
from tokenizers import models

from tf_gpt2 import generation
from tf_gpt2.errors import UserError
from tf_gpt2.formats.unused_tokens import without_unused
from tf_gpt2.tokenizer import Tokenizer

pytestmark = pytest.mark.usefixtures("eager")
TEXT = "It was [PAD] the best\n话说"


def _added_tokens(folder):
    (folder / "added_tokens.json").write_text(json.dumps({"[PAD]": 284}))


def _tokenizer_json(folder):
    model = tokenizers.Tokenizer.from_str(Tokenizer.load(folder).to_json())
    model.add_special_tokens(["[PAD]", "<|user|>"])
    model.add_tokens(["the best"])
    (folder / "tokenizer.json").write_text(model.to_str(), "utf-8")


def _last_entry(folder):
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    (folder / "vocab.json").write_text(json.dumps({**vocabulary, "[PAD]": 284, "": 285}), "utf-8")


@pytest.mark.parametrize("add", [_added_tokens, _tokenizer_json, _last_entry])
def test_a_padding_token_that_was_never_resized_for_is_left_out(tmp_path, add):
    folder = checkpoints.copy("hugging_face", tmp_path)
    before = Tokenizer.load(folder)
    add(folder)
    tokenizer = Tokenizer.load(folder)
    assert (tokenizer.vocab_size, tokenizer.end_of_text_id) == (284, 0)
    assert tokenizer.encode(TEXT).tolist() == before.encode(TEXT).tolist()
    tokenizer.save(tmp_path)
    assert max(tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json")).get_vocab().values()) == 283
    assert len(generation.load(folder).generate("It was", max_new_tokens=8, seed=1)) > 6


@pytest.mark.parametrize("tail", ["\n", "\n\n\n", "[unused1]\n\n", "\r\n"])
def test_a_last_line_without_a_token_is_left_out(tmp_path, tail):
    folder = checkpoints.copy("gpt2_chinese", tmp_path)
    before = Tokenizer.load(folder)
    with (folder / "vocab.txt").open("a", newline="") as file:
        file.write(tail)
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.vocab_size == before.vocab_size == 126
    assert tokenizer.encode(TEXT).tolist() == before.encode(TEXT).tolist()
    assert generation.load(folder).generate("却说", max_new_tokens=4, seed=1)


@pytest.mark.parametrize("name", ["hugging_face", "gpt2_chinese"])
def test_a_tokenizer_of_another_model_is_refused(tmp_path, name):
    folder = checkpoints.copy(name, tmp_path)
    if name == "gpt2_chinese":
        with (folder / "vocab.txt").open("a") as file:
            file.write("龘\n")
    else:
        Tokenizer.train_characters(["".join(map(chr, range(0x4E00, 0x4E40)))]).save(folder)
    with pytest.raises(UserError, match="must have at most the model's"):
        generation.load(folder)


def test_entries_of_unigram_are_cut_at_its_end():
    model = tokenizers.Tokenizer(models.Unigram([("a", -1.0), ("b", -1.0), ("", -1.0)], unk_id=0))
    assert without_unused(model, 2).get_vocab() == {"a": 0, "b": 1}
    assert without_unused(model, 1).get_vocab_size() == 3
    assert without_unused(model, 3) is model

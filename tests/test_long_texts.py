"""A text in pieces has the ids of the text as a whole, whatever its tokenizer does with beginnings and lines."""

import json

import checkpoints
import numpy as np
import pytest
import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers

from tf_gpt2 import long_texts
from tf_gpt2.tokenizer import END_OF_TEXT, Tokenizer

TEXT = "It was the best\nof times.\n\n\n  It  was \n the worst\r\n\t话说\u2028天下 a\n\nb \n"


def _sentence_piece(**options):
    vocabulary = {END_OF_TEXT: 0, **{c: i for i, c in enumerate(sorted({*TEXT, "▁", "x"}), 1)}}
    vocabulary |= {"▁I": len(vocabulary), "t\n": len(vocabulary) + 1, "s.": len(vocabulary) + 2}
    merges = [("▁", "I"), ("t", "\n"), ("s", ".")]
    model = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    model.add_special_tokens([END_OF_TEXT])
    for name, part in options.items():
        setattr(model, name, part)
    return model


def _byte_level(prefix):
    model = tokenizers.Tokenizer.from_str(Tokenizer.load(checkpoints.FOLDER / "hugging_face").to_json())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    return model


def _with_added(model, *tokens):
    model.add_tokens(list(tokens))
    return model


MODELS = {
    "byte level": lambda: _byte_level(False),
    "a space first": lambda: _byte_level(True),
    "a space first, and after a token": lambda: _with_added(_byte_level(True), "best"),
    "a token over lines": lambda: _with_added(_byte_level(False), AddedToken("best\nof", normalized=False)),
    "a token that takes spaces": lambda: _with_added(_byte_level(False), AddedToken("best", rstrip=True)),
    "Metaspace": lambda: _sentence_piece(pre_tokenizer=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace()),
    "Metaspace, first": lambda: _sentence_piece(pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first")),
    "Llama's": lambda: _sentence_piece(
        normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    ),
    "stripped": lambda: _sentence_piece(
        normalizer=normalizers.Strip(), pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False)
    ),
    "words": lambda: _sentence_piece(pre_tokenizer=pre_tokenizers.WhitespaceSplit()),
    "characters": lambda: tokenizers.Tokenizer.from_str(Tokenizer.train_characters([TEXT]).to_json()),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch", [1, 9, 250_000])
def test_pieces_are_the_text_as_transformers_encodes_it(name, batch, monkeypatch):
    monkeypatch.setattr(long_texts, "_BATCH_CHARACTERS", batch)
    tokenizer = Tokenizer(MODELS[name]())
    plain = MODELS[name]()
    plain.encode_special_tokens = True
    generator = np.random.default_rng(0)
    for _ in range(30):
        text = "".join(generator.choice([*TEXT, "\n", "\n", " "], 40)) if _ else TEXT
        pieces = list(tokenizer.encode_long(text))
        joined = [token for piece in pieces for token in piece.tolist()]
        assert joined == tokenizer.encode(text).tolist() == plain.encode(text, add_special_tokens=False).ids, text
    assert [piece.tolist() for piece in tokenizer.encode_long("")] in ([], [[]])


@pytest.mark.parametrize("name", ["byte level", "a space first", "characters"])
def test_what_can_go_line_by_line_does(name, monkeypatch):
    monkeypatch.setattr(long_texts, "_BATCH_CHARACTERS", 1)
    assert len(list(Tokenizer(MODELS[name]()).encode_long("It was\n" * 10))) == 10


def test_gpt2_chinese_goes_line_by_line(monkeypatch):
    monkeypatch.setattr(long_texts, "_BATCH_CHARACTERS", 1)
    tokenizer = Tokenizer.load(checkpoints.FOLDER / "gpt2_chinese")
    text = "却说曹操\n引兵\n却说\n\nit was\n"
    pieces = list(tokenizer.encode_long(text))
    assert len(pieces) == 3  # the empty line goes with the one before
    assert np.concatenate(pieces).tolist() == tokenizer.encode(text).tolist()


@pytest.mark.parametrize("files", ["vocab.json", "tokenizer.json"])
def test_the_setting_of_the_folder_counts(tmp_path, files):
    folder = checkpoints.copy("hugging_face", tmp_path)
    space = Tokenizer.load(folder).encode(" ").tolist()
    if files == "tokenizer.json":
        Tokenizer.load(folder).save(folder)
    plain = Tokenizer.load(folder).encode("and\nand").tolist()
    (folder / "tokenizer_config.json").write_text(json.dumps({"add_prefix_space": True}))
    tokenizer = Tokenizer.load(folder)
    ids = tokenizer.encode("and\nand").tolist()
    assert ids == tokenizer.encode(" and\nand").tolist() != plain
    assert np.concatenate(list(tokenizer.encode_long("and\nand"))).tolist() == ids
    assert tokenizer.decode(ids) == " and\nand"
    tokenizer.save(tmp_path)
    assert Tokenizer.load(tmp_path).encode("and\nand").tolist() == ids
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["add_prefix_space"] is True
    assert tokenizer.has_token([" "]).all() and space  # each by itself, not as a text's beginning

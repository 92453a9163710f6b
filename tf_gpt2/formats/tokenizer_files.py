"""Vocabularies of all formats as `tokenizers.Tokenizer`, by what a folder holds.

tokenizer.json              Hugging Face's, taken as it is
tokenizer.json + assets/    KerasHub's: byte-level BPE in assets/tokenizer/vocabulary.json and merges.txt
vocab.json + merges.txt     Hugging Face's GPT2Tokenizer, byte-level BPE
encoder.json + vocab.bpe    the same two files under OpenAI's names
vocab.txt                   BertTokenizer's WordPiece, as GPT2-Chinese uses it (word_piece.py)
"""

import io
import os
import pathlib
from typing import Any

import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from tf_gpt2.config import MAX_VOCABULARY_SIZE
from tf_gpt2.errors import UserError
from tf_gpt2.files import read_bounded, read_json
from tf_gpt2.formats.rust_errors import told
from tf_gpt2.formats.word_piece import with_gpt2_chinese_conventions, word_piece
from tf_gpt2.run_directory import TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, shown, validated
from tf_gpt2.token_bytes import END_OF_TEXT

_KERAS_HUB_ASSETS = "assets/tokenizer"
_BYTE_LEVEL_FILES = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))
_LARGEST = 256 << 20  # bytes; a vocabulary of a million tokens has some 60 MB
_REMEDY = "copy the tokenizer's files again"


def read_tokenizer(folder: pathlib.Path) -> tuple[tokenizers.Tokenizer, str | None]:
    """Reads the tokenizer of a folder.

    Returns:
        The tokenizer, and the token that ends a text where the folder names one.

    Raises:
        UserError: There is none, or it is damaged.
    """
    path = _find(folder)
    settings = _settings(folder)
    try:
        with told(lambda reason: UserError(f"{path} must be a tokenizer's file: it is not ({reason}); {_REMEDY}")):
            model = _open(folder, path, settings)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); {_REMEDY}") from None
    if max(model.get_vocab().values(), default=0) >= MAX_VOCABULARY_SIZE:
        raise UserError(f"{path}: ids must be below {MAX_VOCABULARY_SIZE:,}; {_REMEDY}")
    end = settings.get("eos_token")
    return model, getattr(end, "content", end)


def _find(folder):
    for name in (TOKENIZER_FILE, *(vocabulary for vocabulary, _ in _BYTE_LEVEL_FILES), "vocab.txt"):
        if os.path.exists(folder / name):
            return folder / name
    raise UserError(
        f"A model directory must hold {TOKENIZER_FILE}, or vocab.json and merges.txt, or encoder.json and "
        f"vocab.bpe, or vocab.txt: {folder} holds none. Copy the tokenizer's files there"
    )


def _open(folder, path, settings) -> tokenizers.Tokenizer:
    if path.name == TOKENIZER_FILE:
        from tf_gpt2.formats.schemas import TokenizerFile

        values = read_json(path, remedy=_REMEDY, largest=_LARGEST)
        if "class_name" in values:
            assets = folder / _KERAS_HUB_ASSETS
            return _read_byte_level(assets / "vocabulary.json", assets / "merges.txt")
        validated(TokenizerFile, values, path, _REMEDY)
        model = tokenizers.Tokenizer.from_str(read_bounded(path, _LARGEST).decode("utf-8"))
        if isinstance(model.pre_tokenizer, pre_tokenizers.ByteLevel) and "add_prefix_space" in settings:
            model.pre_tokenizer.add_prefix_space = settings["add_prefix_space"]  # as transformers does
        return with_gpt2_chinese_conventions(model)
    for vocabulary, merges in _BYTE_LEVEL_FILES:
        if path.name == vocabulary:
            prefix = settings.get("add_prefix_space", False)
            return _add_tokens(_read_byte_level(path, folder / merges, prefix), folder)
    return word_piece(
        _read_lines(path),
        lowercase=settings.get("do_lower_case", True),
        strip_accents=settings.get("strip_accents"),
        split_chinese=settings.get("tokenize_chinese_chars", True),
    )


def byte_level_bpe(
    vocabulary: dict[str, int], merges: list[tuple[str, str]], *, add_prefix_space: bool = False
) -> tokenizers.Tokenizer:
    """GPT-2's tokenizer (Radford et al. 2019, section 2.3; openai/gpt-2, src/encoder.py) around a vocabulary.

    Args:
        vocabulary: Ids by token.
        merges: Pairs of tokens, the first ones merge first.
        add_prefix_space: Whether a text that begins with no space gets one, as transformers' option of that name.
    """
    model = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=True)
    model.decoder = decoders.ByteLevel()
    if END_OF_TEXT in vocabulary:
        model.add_special_tokens([END_OF_TEXT])
    return model


def _read_byte_level(vocabulary_path, merges_path, add_prefix_space=False):
    from tf_gpt2.formats.schemas import Vocabulary

    values = read_json(vocabulary_path, remedy=_REMEDY, largest=_LARGEST)
    vocabulary = validated(Vocabulary, values, vocabulary_path, _REMEDY).root
    if not os.path.isfile(merges_path):
        raise UserError(f"{merges_path} is missing beside {vocabulary_path.name}; {_REMEDY}")
    lines = read_bounded(merges_path, _LARGEST).decode("utf-8").split("\n")
    if lines[0].startswith("#version"):
        del lines[0]
    merges = [tuple(line.split(" ")) for line in map(str.strip, lines) if line]
    if odd := [merge for merge in merges if len(merge) != 2]:
        line = shown(" ".join(odd[0]))
        raise UserError(f"{merges_path}: a line must hold two tokens; received {line}; {_REMEDY}")
    return byte_level_bpe(vocabulary, merges, add_prefix_space=add_prefix_space)


def _add_tokens(model, folder):
    """Adds what Hugging Face keeps in added_tokens.json: tokens that came after training, by id."""
    from tf_gpt2.formats.schemas import Vocabulary

    path = folder / "added_tokens.json"
    if not os.path.isfile(path):
        return model
    added = validated(Vocabulary, read_json(path, remedy=_REMEDY, largest=_LARGEST), path, _REMEDY).root
    names = sorted(added, key=added.__getitem__)
    model.add_special_tokens([AddedToken(name, normalized=False) for name in names])
    for name in names:
        if model.token_to_id(name) != added[name]:
            raise UserError(
                f"{path}: {shown(name)} must have the next free id, {model.token_to_id(name)}; "
                f"received {added[name]}; {_REMEDY}"
            )
    return model


def _read_lines(path) -> list[str]:
    with io.StringIO(read_bounded(path, _LARGEST).decode("utf-8"), newline=None) as lines:
        return [line.removesuffix("\n") for line in lines]


def _settings(folder) -> dict[str, Any]:
    """What the folder's files of Hugging Face say of its tokenizer; a later file overrules a former one."""
    from tf_gpt2.formats.schemas import TokenizerSettings

    settings: dict[str, Any] = {}
    for name in ("config.json", "special_tokens_map.json", TOKENIZER_CONFIG_FILE):
        path = folder / name
        if os.path.isfile(path):
            found = validated(TokenizerSettings, read_json(path, remedy=_REMEDY), path, _REMEDY)
            values = {field: getattr(found, field) for field in found.model_fields_set}
            settings.update({field: value for field, value in values.items() if value is not None})
    return settings

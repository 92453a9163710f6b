"""Vocabularies of all formats as `tokenizers.Tokenizer`, by what a folder holds.

tokenizer.json              Hugging Face's, taken as it is
tokenizer.json + assets/    KerasHub's: byte-level BPE in assets/tokenizer/vocabulary.json and merges.txt
vocab.json + merges.txt     Hugging Face's GPT2Tokenizer, byte-level BPE
encoder.json + vocab.bpe    the same two files under OpenAI's names
vocab.txt                   BertTokenizer's WordPiece, as GPT2-Chinese uses it (word_piece.py)
"""

import json
import pathlib

import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

from tf_gpt2.errors import UserError
from tf_gpt2.files import read_json
from tf_gpt2.formats.word_piece import with_gpt2_chinese_conventions, word_piece
from tf_gpt2.run_directory import TOKENIZER_CONFIG_FILE, TOKENIZER_FILE
from tf_gpt2.token_bytes import END_OF_TEXT

_KERAS_HUB_ASSETS = "assets/tokenizer"
_BYTE_LEVEL_FILES = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))
_REMEDY = "copy the tokenizer's files again"


def read_tokenizer(folder: pathlib.Path) -> tuple[tokenizers.Tokenizer, str | None]:
    """Reads the tokenizer of a folder.

    Returns:
        The tokenizer, and the token that ends a text where the folder names one.

    Raises:
        UserError: There is none, or it is damaged.
    """
    path = _find(folder)
    try:
        return _open(folder, path), _named_end(folder)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {_REMEDY}") from None
    except Exception as error:  # tokenizers raises bare Exception for what it cannot take
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} must be a tokenizer's file: it is not ({reason}); {_REMEDY}") from None


def _find(folder):
    for name in (TOKENIZER_FILE, *(vocabulary for vocabulary, _ in _BYTE_LEVEL_FILES), "vocab.txt"):
        if (folder / name).exists():
            return folder / name
    raise UserError(
        f"A model directory must hold {TOKENIZER_FILE}, or vocab.json and merges.txt, or encoder.json and "
        f"vocab.bpe, or vocab.txt: {folder} holds none. Copy the tokenizer's files there"
    )


def _open(folder, path) -> tokenizers.Tokenizer:
    if path.name == TOKENIZER_FILE:
        text = path.read_text("utf-8")
        values = json.loads(text)
        if isinstance(values, dict) and "class_name" in values:
            assets = folder / _KERAS_HUB_ASSETS
            return _read_byte_level(assets / "vocabulary.json", assets / "merges.txt")
        return with_gpt2_chinese_conventions(tokenizers.Tokenizer.from_str(text))
    for vocabulary, merges in _BYTE_LEVEL_FILES:
        if path.name == vocabulary:
            return _add_tokens(_read_byte_level(path, folder / merges), folder)
    settings = {**_optional(folder, "config.json"), **_optional(folder, TOKENIZER_CONFIG_FILE)}
    return word_piece(
        _read_lines(path),
        lowercase=settings.get("do_lower_case", True),
        strip_accents=settings.get("strip_accents"),
        split_chinese=settings.get("tokenize_chinese_chars", True),
    )


def byte_level_bpe(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> tokenizers.Tokenizer:
    """GPT-2's tokenizer (Radford et al. 2019, section 2.3; openai/gpt-2, src/encoder.py) around a vocabulary."""
    model = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    model.decoder = decoders.ByteLevel()
    if END_OF_TEXT in vocabulary:
        model.add_special_tokens([END_OF_TEXT])
    return model


def _read_byte_level(vocabulary_path, merges_path):
    vocabulary = read_json(vocabulary_path, remedy=_REMEDY)
    if not merges_path.is_file():
        raise UserError(f"{merges_path} is missing beside {vocabulary_path.name}; {_REMEDY}")
    lines = merges_path.read_text("utf-8").split("\n")
    if lines[0].startswith("#version"):
        del lines[0]
    merges = [tuple(line.split(" ")) for line in map(str.strip, lines) if line]
    if odd := [merge for merge in merges if len(merge) != 2]:
        raise UserError(f"{merges_path}: a line must hold two tokens; received {' '.join(odd[0])!r}; {_REMEDY}")
    return byte_level_bpe(vocabulary, merges)


def _add_tokens(model, folder):
    """Adds what Hugging Face keeps in added_tokens.json: tokens that came after training, by id."""
    for name, token_id in sorted(_optional(folder, "added_tokens.json").items(), key=lambda item: item[1]):
        model.add_special_tokens([AddedToken(name, normalized=False)])
        if model.token_to_id(name) != token_id:
            raise UserError(
                f"{folder / 'added_tokens.json'}: {name!r} must have the next free id, {model.token_to_id(name)}; "
                f"received {token_id}; {_REMEDY}"
            )
    return model


def _read_lines(path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return [line.removesuffix("\n") for line in file]


def _optional(folder, name) -> dict:
    path = folder / name
    return read_json(path, remedy=_REMEDY) if path.is_file() else {}


def _named_end(folder) -> str | None:
    """The token that ends a text by Hugging Face's own files: `eos_token`, a string or an object with `content`."""
    for name in (TOKENIZER_CONFIG_FILE, "special_tokens_map.json"):
        end = _optional(folder, name).get("eos_token")
        end = end.get("content") if isinstance(end, dict) else end
        if isinstance(end, str):
            return end
    return None

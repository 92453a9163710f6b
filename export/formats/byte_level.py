"""A tokenizer as the two files of byte-level BPE, the only kind that OpenAI's format and KerasHub's GPT-2 know.

A byte-level BPE goes over as it is. A character vocabulary becomes one too: each character is what its UTF-8 bytes
merge to, from the left. On the way from the bytes E8 AF 9D to 话 the merges pass E8 AF, which needs an id though
no character has it; such prefixes get ids after the model's own. Text of known characters never meets them: its ids
are the same. A character outside the vocabulary was three byte tokens and is now a prefix and a byte, which is near
and not equal.
"""

import dataclasses
import json
import pathlib

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.token_bytes import BYTE_ENTRIES, END_OF_TEXT, byte_level_alphabet
from tf_gpt2.tokenizer import Tokenizer

_MOVED_END = 1


@dataclasses.dataclass(frozen=True)
class ByteLevelBPE:
    """The content of encoder.json and vocab.bpe, and what it adds to the model.

    Attributes:
        vocabulary: Ids by token, spelled in GPT-2's alphabet for bytes; every id of the model has an entry.
        merges: Pairs of tokens, the first ones merge first.
        added_rows: For each id after the model's own the id whose embedding it takes, int [P].
        moved_end: The id that the end of text has changed places with; None where it has its own.
    """

    vocabulary: dict[str, int]
    merges: list[tuple[str, str]]
    added_rows: np.ndarray
    moved_end: int | None = None

    def embedding(self, own: np.ndarray) -> np.ndarray:
        """The token embedding [V + P, D] from the model's own [V, D]; a copy only where something changes."""
        rows = np.concatenate([own, own[self.added_rows]]) if len(self.added_rows) else own
        if self.moved_end is not None:
            rows = rows.copy() if rows is own else rows
            rows[[0, self.moved_end]] = rows[[self.moved_end, 0]]
        return rows

    def with_end_apart_from_padding(self) -> "ByteLevelBPE":
        """The same with the end of text at another id than 0, which KerasHub pads with: it would end every text.

        It changes places with the id that follows, in our vocabularies a byte or a mark that the models of OpenAI
        have at 0.
        """
        if self.vocabulary[END_OF_TEXT] != 0 or len(self.vocabulary) == 1:
            return self
        places = {0: _MOVED_END, _MOVED_END: 0}
        vocabulary = {token: places.get(token_id, token_id) for token, token_id in self.vocabulary.items()}
        return dataclasses.replace(self, vocabulary=vocabulary, moved_end=_MOVED_END)

    def write(self, vocabulary_path: pathlib.Path, merges_path: pathlib.Path, header: str) -> None:
        """Writes both files; `header` comes before the merges."""
        vocabulary_path.write_text(json.dumps(self.vocabulary), "utf-8")
        merges_path.write_text(header + "".join(f"{a} {b}\n" for a, b in self.merges), "utf-8")


def to_byte_level(tokenizer: Tokenizer, vocabulary_size: int) -> ByteLevelBPE:
    """Translates a tokenizer for a model of `vocabulary_size` ids.

    Raises:
        UserError: It is of a kind that has no equal there.
    """
    description = json.loads(tokenizer.to_json())
    parts = description["model"]
    if tokenizer.kind == "characters":
        return _from_characters(parts["vocab"], vocabulary_size)
    if tokenizer.kind != "bpe" or not _is_gpt2s(description):
        raise UserError(
            "this format knows byte-level BPE and character vocabularies only; the tokenizer of `run_dir` is a "
            f"{parts['type']} of another kind. Use the export huggingface, which takes every kind"
        )
    vocabulary = {**parts["vocab"], **{token["content"]: token["id"] for token in description["added_tokens"]}}
    if END_OF_TEXT not in vocabulary:
        raise UserError(
            f"this format needs the token {END_OF_TEXT}; the tokenizer of `run_dir` has none. Use the export "
            "huggingface"
        )
    merges = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in parts["merges"]]
    return ByteLevelBPE(_without_gaps(vocabulary, vocabulary_size), merges, np.zeros(0, int))


def _is_gpt2s(description):
    """Whether nothing but vocabulary and merges differs from GPT-2's tokenizer."""
    before, model = description["pre_tokenizer"], description["model"]
    plain = not before.get("add_prefix_space") and before.get("use_regex", True)
    return plain and not any(model.get(option) for option in ("ignore_merges", "byte_fallback", "dropout"))


def _from_characters(entries, vocabulary_size) -> ByteLevelBPE:
    alphabet = byte_level_alphabet()
    # A byte that is a character by itself has two ids; the text's is the character's.
    vocabulary = {alphabet[byte]: entries[entry] for byte, entry in enumerate(BYTE_ENTRIES)}
    last_bytes, merges = {}, []
    for character in (entry for entry in entries if len(entry) == 1):
        spelled = [alphabet[byte] for byte in character.encode()]
        for end in range(2, len(spelled) + 1):
            whole = "".join(spelled[:end])
            if end == len(spelled):
                merges.append((whole[:-1], spelled[-1]))
            elif whole not in last_bytes:
                last_bytes[whole] = entries[BYTE_ENTRIES[character.encode()[end - 1]]]
                merges.append((whole[:-1], spelled[end - 1]))
        vocabulary["".join(spelled)] = entries[character]
    vocabulary[END_OF_TEXT] = entries[END_OF_TEXT]
    vocabulary = _without_gaps(vocabulary, vocabulary_size)
    vocabulary.update({prefix: vocabulary_size + place for place, prefix in enumerate(last_bytes)})
    return ByteLevelBPE(vocabulary, merges, np.array(list(last_bytes.values()), int))


def _without_gaps(vocabulary, size):
    """With a name for every id below `size`, which other programs look up when they decode."""
    unnamed = set(range(size)).difference(vocabulary.values())
    return {**vocabulary, **{f"<|unused{token_id}|>": token_id for token_id in sorted(unnamed)}}

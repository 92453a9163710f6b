"""Tokens that a tokenizer has and its model has not: taken out where no text needs them.

People add `[PAD]` for batches and never resize the model, or leave an empty last line in vocab.txt. Such an id is
never in a text, and the model has no row for it: without the token nothing changes.
"""

import json
from typing import Any

import tokenizers

from tf_gpt2.token_bytes import BYTE_ENTRIES


def without_unused(model: tokenizers.Tokenizer, size: int) -> tokenizers.Tokenizer:
    """The tokenizer without its ids from `size` on; as it is where it has none, or where a text may need one."""
    if max(model.get_vocab().values(), default=-1) < size:
        return model
    description = json.loads(model.to_str())
    parts = description["model"]
    added = {token["content"] for token in description["added_tokens"]}
    vocabulary = parts["vocab"]
    entries = vocabulary if isinstance(vocabulary, dict) else {entry[0]: i for i, entry in enumerate(vocabulary)}
    extra = {entry for entry, token_id in entries.items() if token_id >= size}
    if _needed(parts, extra - added):
        return model
    if isinstance(vocabulary, dict):
        parts["vocab"] = {entry: token_id for entry, token_id in entries.items() if token_id < size}
    else:
        del vocabulary[size:]
    description["added_tokens"] = [token for token in description["added_tokens"] if token["id"] < size]
    return tokenizers.Tokenizer.from_str(json.dumps(description))


def _needed(parts: dict[str, Any], entries: set[str]) -> bool:
    """Whether a text may be encoded with one of the entries."""
    if parts["type"] == "BPE" and not parts.get("ignore_merges"):
        merges = (merge.split(" ") if isinstance(merge, str) else merge for merge in parts["merges"])
        prefix = len(parts.get("continuing_subword_prefix") or "")
        made = {left + right[prefix:] for left, right in merges}
        if parts.get("byte_fallback"):
            made.update(BYTE_ENTRIES)
        return any(len(entry) == 1 or entry in made for entry in entries)
    if parts["type"] == "WordPiece":  # whose words have no brackets beside other characters
        return any(entry and not (entry.startswith("[") and entry.endswith("]")) for entry in entries)
    return any(entries)

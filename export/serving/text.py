"""Chooses what encodes and decodes inside the graph, and holds it against the tokenizer it stands for."""

import json

import tensorflow as tf

from tf_gpt2.errors import UserError
from tf_gpt2.tokenizer import Tokenizer

from .byte_pair_text import BytePairText
from .character_text import CharacterText

# A little of everything: scripts, spaces, endings, what is not assigned, and tokens spelled out.
SAMPLES = (
    "",
    " ",
    "却说曹操引兵，a b\n",
    "  It's  they'll 'S 12½ ok?!\n\n\tend ",
    "\ufeffé\u0301 İ ß Σς ① ２ 한글 ก็ 😀\U000e0001",
    "\r\n\x00\x1f\x85\u2028\u3000\ufffd\uffff",
    "<|endoftext|>[CLS][SEP]<0x41>",
    "''s' 're'rex 'll'lll' t's",
    "a" * 150,
)


def text_module(tokenizer: Tokenizer) -> tf.Module:
    """A module with encode, byte strings [B] to ids [B, None], and decode, ids [B, None] to UTF-8 strings [B].

    Raises:
        UserError: The tokenizer is of a kind that is not known in a graph.
    """
    module = _build(tokenizer)
    ids = [tokenizer.encode(sample).tolist() for sample in SAMPLES]
    # And of all tokens about 512, in one text with the token between texts.
    rows = [*ids, [tokenizer.end_of_text_id, *range(0, tokenizer.vocab_size, 1 + tokenizer.vocab_size // 512)]]
    texts = module.decode(tf.ragged.constant(rows, tf.int32, ragged_rank=1)).numpy()
    decoded = [text.decode() for text in texts] == [tokenizer.decode(row) for row in rows]
    if not decoded or module.encode(tf.constant(SAMPLES)).to_list() != ids:
        raise _refusal(tokenizer)
    return module


def _build(tokenizer):
    description = json.loads(tokenizer.to_json())
    if tokenizer.kind == "characters":
        return CharacterText(tokenizer)
    if tokenizer.kind == "bpe":
        return BytePairText(tokenizer)
    if description["model"]["type"] == "WordPiece" and description["normalizer"] and description["pre_tokenizer"]:
        from .word_piece_text import WordPieceText

        return WordPieceText(tokenizer)
    raise _refusal(tokenizer)


def _refusal(tokenizer):
    kind = json.loads(tokenizer.to_json())["model"]["type"]
    return UserError(
        "a SavedModel knows character vocabularies, byte-level BPE and BERT's WordPiece; the tokenizer of "
        f"`run_dir` is a {kind} that does more. Serve this model by another program"
    )

"""WordPiece vocabularies with the conventions of GPT2-Chinese, all of them inside the tokenizer itself.

GPT2-Chinese trains on BertTokenizer's ids (Devlin et al. 2019; Wu et al. 2016, section 4.1) with three conventions
of its own (train.py and generate.py there): `[SEP]` stands for a line feed, `[CLS]` stands between texts, `[MASK]`
begins one. Models trained with UER-py begin a text with `[CLS]` too. So here

- a line feed is encoded as the id of `[SEP]`, and that id is decoded as a line feed;
- `[CLS]` is the token between texts: what generation begins with and ends at;
- `[MASK]` and `[PAD]` are decoded as nothing;
- between Chinese characters no space is written.

Deviation from BertTokenizer: it drops line feeds, which leaves a novel without paragraphs. Within a line the ids
are its own. The id of `[SEP]` carries the name of a line feed in the vocabulary, so that every runtime which reads
tokenizer.json follows.
"""

import json

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from tf_gpt2.errors import UserError

UNKNOWN, BETWEEN_TEXTS, LINE_END = "[UNK]", "[CLS]", "[SEP]"
_SILENT = ("[MASK]", "[PAD]")
_CONTINUES = "##"
_MAX_WORD = 100  # BertTokenizer's: a longer word is unknown
# Scripts written without spaces, and the quotation marks and dashes that go with them.
SPACELESS = (
    "\u2010-\u2027\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
REWRITES = (
    (r"\[(?:MASK|PAD)\] ?| \[(?:MASK|PAD)\]$", ""),
    (r" ?\n ?", "\n"),
    (f"(?<=[{SPACELESS}]) | (?=[{SPACELESS}])", ""),
)


def word_piece(
    entries: list[str], *, lowercase: bool = True, strip_accents: bool | None = None, split_chinese: bool = True
) -> tokenizers.Tokenizer:
    """BertTokenizer around a vocabulary, with the conventions above.

    Args:
        entries: The tokens by id, the lines of vocab.txt.
        lowercase: Whether text is lower-cased first.
        strip_accents: Whether accents go; None for what `lowercase` says.
        split_chinese: Whether each Chinese character is a word.

    Raises:
        UserError: `[UNK]` is not among the entries.
    """
    vocabulary = {entry: token_id for token_id, entry in enumerate(entries)}
    if UNKNOWN not in vocabulary:
        raise UserError(
            f"vocab.txt must hold {UNKNOWN}, the token for unknown words; it does not. Add it as a line"
        )
    bert = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=split_chinese, strip_accents=strip_accents, lowercase=lowercase
    )
    return _build(vocabulary, bert, pre_tokenizers.BertPreTokenizer())


def with_gpt2_chinese_conventions(model: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """A BertTokenizerFast's tokenizer.json with the conventions above; any other tokenizer as it is."""
    description = json.loads(model.to_str())
    parts = description["model"]
    bert = parts["type"] == "WordPiece" and (description.get("normalizer") or {}).get("type") == "BertNormalizer"
    if not bert or not {UNKNOWN, BETWEEN_TEXTS, LINE_END} <= set(parts["vocab"]):
        return model
    return _build(parts["vocab"], model.normalizer, model.pre_tokenizer)


def _build(vocabulary, normalizer, pre_tokenizer):
    names = {name: "\n" if name == LINE_END else name for name in vocabulary}
    lines = {LINE_END, BETWEEN_TEXTS} <= set(vocabulary)  # without the latter [SEP] stands between texts
    vocabulary = {names[name] if lines else name: token_id for name, token_id in vocabulary.items()}
    model = tokenizers.Tokenizer(
        models.WordPiece(
            vocab=vocabulary,
            unk_token=UNKNOWN,
            max_input_chars_per_word=_MAX_WORD,
            continuing_subword_prefix=_CONTINUES,
        )
    )
    # BertTokenizer drops these; the library's normalizer keeps them.
    unassigned = normalizers.Replace(Regex(r"[\p{Cn}\p{Co}]"), "")
    model.normalizer = normalizers.Sequence([unassigned, normalizer])
    model.pre_tokenizer = pre_tokenizer
    rewrites = [decoders.Replace(Regex(pattern), text) for pattern, text in REWRITES]
    model.decoder = decoders.Sequence([decoders.WordPiece(prefix=_CONTINUES), decoders.Fuse(), *rewrites])
    special = [UNKNOWN, BETWEEN_TEXTS, *(() if lines else (LINE_END,)), *_SILENT]
    model.add_special_tokens([name for name in special if name in vocabulary])
    if lines:
        model.add_tokens([AddedToken("\n", normalized=False)])
    return model

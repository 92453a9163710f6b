"""What a file of views holds: one JSON object, with the arrays that its views need and no others.

    version, title, language, views
    shape       layers, heads, headDim, width, inner, context, vocabulary, tied (input and output embedding are one)
    settings    temperature, topK, topP
    window      start and total, in tokens: of a long text only a part is there
    tokens      a list of {id, text, bytes, character}; `character` is an index of `characters`
    characters  the text in pieces: a token each, or the tokens that spell one character together
    texts       by id, for every token that some view names
    arrays      by name, as arrays.py writes them; those of a layer end in its number

| array | shape | views |
|---|---|---|
| attention_i | [H, T (T + 1) / 2], the lower triangle row by row | attention, walk |
| queries_i, keys_i | [H, T, K], not scaled | neurons, walk |
| values_i | [H, T, K] | walk |
| candidate_ids, candidate_logits | [1 + T, N], the likeliest; row 0 is what begins the text | candidates, walk |
| log_normalizers | [1 + T], of all logits | candidates, walk |
| log_probabilities, ranks | [T], NaN and 0 for the first | surprise |
| lens_ids, lens_probabilities | [L + 1, T, 10] | lens |
| token_vectors, position_vectors | [T, W], W the first dimensions of D | walk |
| hidden | [L + 1, T, W] | walk |

Most of it are queries, keys and values, L T D numbers each, and attention, L H T T / 2. They are rounded no more
than the file's limit asks for: 3 MB up to 60 tokens, else 25 MB.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.inspection import arrays
from tf_gpt2.inspection.pieces import token_text
from tf_gpt2.inspection.trace import largest_first, log_normalizers
from tf_gpt2.inspection.views import LANGUAGES, check_views

if TYPE_CHECKING:
    from tf_gpt2.inspection.inspection import Inspection

VERSION = 1
# Of a file, in bytes.
FEW_TOKENS, SMALL_FILE, LARGE_FILE = 60, 3_000_000, 25_000_000
# Candidates of a position: more than ten, since temperature and top-k are moved in the view.
CANDIDATES = 100
# The walk shows vectors by their beginnings.
WALK_WIDTH = 8
_TITLE = 24  # characters


class Rounding(NamedTuple):
    """How attention and what it is made of are rounded."""

    attention: str
    mantissa_bits: int


ROUNDINGS = (
    Rounding("uint16", 10),
    Rounding("uint16", 7),
    Rounding("uint8", 7),
    Rounding("uint8", 6),
    Rounding("uint8", 5),
    Rounding("uint8", 4),
)
# Bytes of a weight of attention, and of a number of a query, key or value, in the last of these, deflated; base64
# makes four of three. Measured: docs/notes/inspection.md.
_WEIGHT_BYTES, _NUMBER_BYTES, _BASE64 = 0.8, 1.1, 4 / 3


def tokens_that_fit(config: GPT2Config) -> int:
    """How many tokens of a model a file of the larger limit holds, all views included; at least 1."""
    heads, numbers = config.num_layers * config.num_heads, 3 * config.num_layers * config.hidden_dim
    tokens = np.arange(1, config.context_length + 1, dtype=np.float64)
    size = _BASE64 * (_WEIGHT_BYTES * heads * tokens * (tokens + 1) / 2 + _NUMBER_BYTES * numbers * tokens)
    return max(1, int((size <= LARGE_FILE).sum()))


def payload(
    inspection: "Inspection",
    views: Sequence[str],
    *,
    title: str | None = None,
    language: str | None = None,
    beside: int = 0,
) -> str:
    """The object as JSON, as short as the limits ask for where rounding can do that.

    Args:
        inspection: What to show.
        views: Names of views.
        title: A heading; by default the text's beginning.
        language: "zh", "en" or None, which leaves it to the reader's browser.
        beside: Bytes of the file that are not this.

    Raises:
        UserError: A view or the language is unknown.
    """
    views = check_views(views)
    if language not in (None, *LANGUAGES):
        raise UserError(f"`language` must be one of {', '.join(LANGUAGES)}; received {language!r}")
    limit = (SMALL_FILE if len(inspection.ids) <= FEW_TOKENS else LARGE_FILE) - beside
    fixed = dict(_small_arrays(inspection, views))
    described = _description(inspection, views, title, language)
    for rounding in ROUNDINGS:
        rounded = dict(_layer_arrays(inspection, views, rounding))
        text = json.dumps({**described, "arrays": fixed | rounded}, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) <= limit:
            break
    return text


def _description(inspection, views, title, language):
    config, settings = inspection.config, inspection.settings
    return {
        "version": VERSION,
        "title": _clean(title if title is not None else _beginning(inspection.text)),
        "language": language,
        "views": list(views),
        "shape": {
            "layers": config.num_layers,
            "heads": config.num_heads,
            "headDim": config.head_dim,
            "width": config.hidden_dim,
            "inner": config.intermediate_dim,
            "context": config.context_length,
            "vocabulary": config.vocabulary_size,
            "tied": config.tie_embeddings,
        },
        "settings": {"temperature": settings.temperature, "topK": settings.top_k, "topP": settings.top_p},
        "window": {"start": inspection.start, "total": inspection.total},
        "tokens": [
            {"id": token.id, "text": token.text, "bytes": token.is_bytes, "character": token.character}
            for token in inspection.tokens
        ],
        "characters": inspection.characters,
        "texts": _texts(inspection, views),
    }


def _beginning(text):
    line = " ".join(text.split())
    return line if len(line) <= _TITLE else f"{line[:_TITLE]}…"


def _clean(text):
    """Without unpaired surrogates, which no file in UTF-8 holds."""
    return text.encode("utf-8", "replace").decode()


def _texts(inspection, views):
    """What every id shows as that a view names."""
    named = set()
    if {"candidates", "walk"}.intersection(views):
        named.update(np.unique(_candidate_ids(inspection)).tolist())
    if "lens" in views:
        named.update(np.unique(inspection.lens_ids).tolist())
    return {str(token): token_text(inspection.tokenizer, token) for token in sorted(named)}


def _candidate_ids(inspection):
    return largest_first(inspection.all_logits, CANDIDATES)


def _small_arrays(inspection: "Inspection", views: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Arrays that are rounded the same in every file."""
    trace = inspection.trace
    if {"candidates", "walk"}.intersection(views):
        ids, logits = _candidate_ids(inspection), inspection.all_logits
        yield "candidate_ids", arrays.plain(ids, "int32")
        yield "candidate_logits", arrays.plain(np.take_along_axis(logits, ids, -1), "float32")
        yield "log_normalizers", arrays.plain(log_normalizers(logits), "float32")
    if "surprise" in views:
        yield "log_probabilities", arrays.plain(inspection.log_probabilities, "float32")
        yield "ranks", arrays.plain(inspection.ranks, "int32")
    if "lens" in views:
        yield "lens_ids", arrays.plain(trace.lens_ids, "int32")
        yield "lens_probabilities", arrays.plain(trace.lens_probabilities, "float32")
    if "walk" in views:
        yield "token_vectors", arrays.floats(trace.token_vectors[:, :WALK_WIDTH])
        yield "position_vectors", arrays.floats((trace.hidden[0] - trace.token_vectors)[:, :WALK_WIDTH])
        yield "hidden", arrays.floats(trace.hidden[:, :, :WALK_WIDTH])


def _layer_arrays(
    inspection: "Inspection", views: Sequence[str], rounding: Rounding
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Arrays of every layer, each of its own so that a view unpacks what it shows."""
    wanted = {"attention"} if {"attention", "walk"}.intersection(views) else set()
    wanted |= {"queries", "keys"} if {"neurons", "walk"}.intersection(views) else set()
    wanted |= {"values"} if "walk" in views else set()
    for layer in range(inspection.config.num_layers):
        if "attention" in wanted:
            triangle = arrays.lower_triangle(inspection.attention[layer])
            yield f"attention_{layer}", arrays.shares(triangle, rounding.attention)
        for name in sorted(wanted - {"attention"}):
            numbers = getattr(inspection, name)[layer]
            yield f"{name}_{layer}", arrays.floats(numbers, rounding.mantissa_bits)

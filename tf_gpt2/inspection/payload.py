"""What a file of views holds: one JSON object, with the arrays that its views need and no others.

    version, title, language, views
    shape       layers, heads, headDim, width, vocabulary
    settings    temperature, topK, topP
    window      start and total, in tokens: of a long text only a part is there
    tokens      a list of {id, text, bytes, character}; `character` is an index of `characters`
    characters  the text in pieces: a token each, or the tokens that spell one character together
    texts       by id, for every token that some view names
    arrays      by name, as arrays.py writes them; those of a layer end in its number

| array | shape | views |
|---|---|---|
| attention_i | [H, T (T + 1) / 2], the lower triangle row by row | attention, neurons, walk |
| queries_i, keys_i | [H, T, K], not scaled | neurons, walk |
| values_i | [H, T, K] | walk |
| candidate_ids, candidate_logits | [T, N], N the likeliest | candidates, walk |
| log_normalizers | [T], of all logits | candidates, walk |
| log_probabilities, ranks | [T], NaN and -1 for the first | surprise |
| lens_ids, lens_probabilities | [L + 1, T, 10] | lens |
| embedding, position_embedding | [T, W], W the first dimensions of D | walk |
| hidden_i, normalized_i, attended_i, mlp_i | [T, W]; hidden also behind the last layer | walk |

Most of it are queries, keys and values, L T D numbers each, and attention, L H T T / 2. They are rounded no more than
the file's limit asks for: 3 MB up to 60 tokens, else 25 MB.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.inspection import arrays
from tf_gpt2.inspection.pieces import token_text
from tf_gpt2.inspection.trace import largest_first
from tf_gpt2.inspection.views import LANGUAGES, check_views

if TYPE_CHECKING:
    from tf_gpt2.inspection.inspection import Inspection

VERSION = 1
# Of a file, in bytes; the code of the views is a part of it.
FEW_TOKENS, SMALL_FILE, LARGE_FILE = 60, 3_000_000, 25_000_000
CODE = 200_000
# Candidates of a position: more than ten, since temperature and top-k are moved in the view.
CANDIDATES = 64
# The walk shows vectors by their beginnings.
WALK_WIDTH = 16
_TITLE = 24  # characters


class Rounding(NamedTuple):
    """How attention and what it is made of are rounded."""

    attention: str
    mantissa_bits: int


ROUNDINGS = (Rounding("uint16", 10), Rounding("uint16", 7), Rounding("uint8", 7), Rounding("uint8", 5))
# Bytes of a weight of attention, and of a number of a query, key or value, in the last of these, deflated; base64
# makes four of three. Measured: docs/notes/inspection.md.
_WEIGHT_BYTES, _NUMBER_BYTES, _BASE64 = 0.8, 1.1, 4 / 3


def tokens_that_fit(config: GPT2Config) -> int:
    """How many tokens of a model a file of the larger limit holds, all views included; at least 1."""
    heads, numbers = config.num_layers * config.num_heads, 3 * config.num_layers * config.hidden_dim
    tokens = np.arange(1, config.context_length + 1, dtype=np.float64)
    size = _BASE64 * (_WEIGHT_BYTES * heads * tokens * (tokens + 1) / 2 + _NUMBER_BYTES * numbers * tokens)
    return max(1, int((size <= LARGE_FILE - CODE).sum()))


def payload(
    inspection: "Inspection", views: Sequence[str], *, title: str | None = None, language: str | None = None
) -> str:
    """The object as JSON, as short as the limits ask for where rounding can do that.

    Args:
        inspection: What to show.
        views: Names of views.
        title: A heading; by default the text's beginning.
        language: "zh", "en" or None, which leaves it to the reader's browser.

    Raises:
        UserError: A view or the language is unknown.
    """
    views = check_views(views)
    if language not in (None, *LANGUAGES):
        raise UserError(f"`language` must be one of {', '.join(LANGUAGES)}; received {language!r}")
    limit = (SMALL_FILE if len(inspection.ids) <= FEW_TOKENS else LARGE_FILE) - CODE
    fixed = _fixed_arrays(inspection, views)
    described = _description(inspection, views, title, language, fixed)
    packed = {name: array for name, array in fixed.items() if isinstance(array, dict)}
    for rounding in ROUNDINGS:
        rounded = dict(_layer_arrays(inspection, views, rounding))
        text = json.dumps({**described, "arrays": packed | rounded}, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode("utf-8", "replace")) <= limit:
            break
    return text

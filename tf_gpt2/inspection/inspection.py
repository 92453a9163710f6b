"""What `tf_gpt2.load(...).inspect(text)` gives: the arrays, and what is asked of them.

Shapes: L layers, H heads, T tokens, K head_dim, D hidden_dim, V the tokenizer's ids.
"""

import dataclasses
import functools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation.settings import GenerationSettings, check_integer
from tf_gpt2.inspection.candidates import Choice, Distribution, distribution
from tf_gpt2.inspection.pieces import Token, token_text
from tf_gpt2.inspection.trace import LIKELIEST, Trace, log_normalizers
from tf_gpt2.inspection.views import VIEWS
from tf_gpt2.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True, repr=False)
class Inspection:
    """What a model computed for a text of T tokens. In a notebook it shows itself.

    Attributes:
        config: The model's shape.
        settings: The sampling settings that candidates are shown with, where no others are given.
        ids: Token ids [T] int32. An empty text is the end of a text, after which a document begins.
        tokens: What they show as, a list of T.
        characters: The text in pieces: a token each, or the tokens that spell one character together.
        start: Tokens of the whole text that come before these, which the model was not shown.
        total: Tokens of the whole text.
        trace: Everything else, by name: attention [L, H, T, T], queries, keys and values [L, H, T, K], hidden
            states [L + 1, T, D], logits [T, V], the logit lens [L + 1, T, 10] (`tf_gpt2.inspection.trace.Trace`).
        first_logits: [V] of what comes first here: after the end of another text, or after what the window leaves
            out before it.
        tokenizer: What the ids are of.
    """

    config: GPT2Config
    settings: GenerationSettings
    ids: np.ndarray
    tokens: list[Token]
    characters: list[str]
    start: int
    total: int
    trace: Trace
    first_logits: np.ndarray
    tokenizer: Tokenizer

    def __repr__(self) -> str:
        counts = f"tokens={len(self.ids)}, total={self.total}, start={self.start}"
        return f"Inspection({counts}, num_layers={self.config.num_layers}, num_heads={self.config.num_heads})"

    @property
    def text(self) -> str:
        """What the tokens spell."""
        return "".join(self.characters)

    @property
    def attention(self) -> np.ndarray:
        """Attention weights [L, H, T, T], query by key; rows sum to 1, nothing stands above the diagonal."""
        return self.trace.attention

    @property
    def queries(self) -> np.ndarray:
        """Queries [L, H, T, K], not scaled."""
        return self.trace.queries

    @property
    def keys(self) -> np.ndarray:
        """Keys [L, H, T, K]."""
        return self.trace.keys

    @property
    def values(self) -> np.ndarray:
        """Values [L, H, T, K]."""
        return self.trace.values

    @property
    def hidden_states(self) -> np.ndarray:
        """The residual stream [L + 1, T, D]: before each block, and after the last one, before the final norm."""
        return self.trace.hidden

    @property
    def logits(self) -> np.ndarray:
        """Logits [T, V] of what follows each token."""
        return self.trace.logits

    @property
    def all_logits(self) -> np.ndarray:
        """Logits [1 + T, V]: `first_logits`, then those of what follows each token."""
        return np.concatenate([self.first_logits[None], self.logits])

    @property
    def lens_ids(self) -> np.ndarray:
        """The ten likeliest next ids after each layer [L + 1, T, 10], as the final norm and head read them."""
        return self.trace.lens_ids

    @property
    def lens_probabilities(self) -> np.ndarray:
        """Their probabilities [L + 1, T, 10]."""
        return self.trace.lens_probabilities

    @functools.cached_property
    def log_normalizers(self) -> np.ndarray:
        """log of the sum of exp(logits) [T] float64: with it a logit becomes a log-probability."""
        return log_normalizers(self.logits)

    @functools.cached_property
    def log_probabilities(self) -> np.ndarray:
        """Natural logarithms [T] of each token's probability given those before it; NaN for the first."""
        chosen = np.take_along_axis(self.logits[:-1], self.ids[1:, None], -1)[:, 0]
        return np.concatenate([[np.nan], chosen - self.log_normalizers[:-1]]).astype(np.float32)

    @functools.cached_property
    def ranks(self) -> np.ndarray:
        """Place of each token among all [T] int32, 1 being the likeliest, ties by rising id; 0 for the first."""
        chosen = np.take_along_axis(self.logits[:-1], self.ids[1:, None], -1)
        likelier = (self.logits[:-1] > chosen).sum(-1)
        lower_id = np.arange(self.logits.shape[-1])[None] < self.ids[1:, None]
        equal = ((self.logits[:-1] == chosen) & lower_id).sum(-1)
        return np.concatenate([[0], 1 + likelier + equal]).astype(np.int32)

    @property
    def bits(self) -> np.ndarray:
        """Surprise [T]: log2 of one over the probability (Shannon 1948); NaN for the first token."""
        return -self.log_probabilities / np.float32(np.log(2))

    def distribution(self, position: int, **given: Any) -> Distribution:
        """All tokens that may follow a position, before and after the settings.

        Args:
            position: Index of a token, from 0; what follows it is meant. Negative ones count from the end.
            **given: `temperature`, `top_k`, `top_p` and other fields of `GenerationSettings`, in place of this
                object's `settings`.

        Raises:
            UserError: There is no such token, or a setting is out of range.
        """
        check_integer("position", position, -len(self.ids), len(self.ids) - 1)
        if unknown := [name for name in given if name not in GenerationSettings.__dataclass_fields__]:
            raise UserError(f"a setting must be a field of GenerationSettings; received {unknown[0]!r}")
        return distribution(self.logits[position], dataclasses.replace(self.settings, **given))

    def candidates(self, position: int = -1, k: int = LIKELIEST, **given: Any) -> list[Choice]:
        """The likeliest tokens to follow a position, before and after temperature, top-k and top-p.

        Args:
            position: Index of a token, as for `distribution`.
            k: How many.
            **given: Settings, as for `distribution`.

        Raises:
            UserError: There is no such token, or a number is out of range.
        """
        check_integer("k", k, 1)
        all_of_them = self.distribution(position, **given)
        columns = (all_of_them.ids, all_of_them.probabilities, all_of_them.drawn_with, all_of_them.cumulated)
        rows = zip(*(column[:k].tolist() for column in columns), strict=True)
        return [
            Choice(token_text(self.tokenizer, token), token, probability, drawn_with, cumulated)
            for token, probability, drawn_with, cumulated in rows
        ]

    def save(
        self,
        path: str | os.PathLike,
        *,
        views: Sequence[str] = VIEWS,
        title: str | None = None,
        language: str | None = None,
    ) -> None:
        """Writes one HTML file that opens from disk, with no network, and shows the views.

        Args:
            path: The file; a former one is replaced.
            views: Which ones, of `tf_gpt2.inspection.views.VIEWS`.
            title: The page's heading; by default the text's beginning.
            language: "zh" or "en"; None leaves it to the reader's browser.

        Raises:
            UserError: A view or language is unknown, the views are not built, or the file cannot be written.
        """
        from tf_gpt2.files import write_atomically
        from tf_gpt2.inspection.document import document

        page = document(self, views=views, title=title, language=language)
        write_atomically(path, page.encode())

    def _repr_html_(self) -> str:
        """The views in a frame of their own, for a notebook."""
        from tf_gpt2.inspection.document import frame

        return frame(self)

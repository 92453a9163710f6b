"""The two-line Python interface: open a model directory, write text.

model = tf_gpt2.load("runs/demo")
print(model.generate("却说曹操", max_new_tokens=200))
"""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation import scoring
from tf_gpt2.generation.copy_guard import Copies, CopyGuard
from tf_gpt2.generation.engine import Engine
from tf_gpt2.generation.passage import Passage, Row, prompt_ids
from tf_gpt2.generation.scoring import Candidate, TextScore
from tf_gpt2.generation.settings import MAX_SEED, GenerationSettings, check_integer
from tf_gpt2.generation.weights import to_arrays
from tf_gpt2.model_directory import build_model_from, load_config, load_generation_config, load_weights
from tf_gpt2.tokenizer import Tokenizer

if TYPE_CHECKING:  # Keras itself would cost a command its first second
    import keras

    from tf_gpt2.inspection.inspection import Inspection
    from tf_gpt2.inspection.inspector import Inspector

# Tokens of one call of the compiled loop. Streaming shows each handful as it comes; with stop strings the loop
# should not run far past one; otherwise only Ctrl-C waits for a call to end.
STREAM_STEPS = 4
STOP_STEPS = 16
PLAIN_STEPS = 64


class TextGenerator:
    """A model and its tokenizer, ready to write.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name (`tf_gpt2.model_directory`).
        tokenizer: A `tf_gpt2.tokenizer.Tokenizer`, of no more ids than the model.
        generation_config: The model's own defaults, the content of its generation_config.json.
        jit_compile: Whether XLA compiles the loop: faster, but a few seconds at the first text.

    Attributes:
        copies: Finds what `avoid_copying` keeps out, the training text as a rule; None until it is set
            (`tf_gpt2.evaluation.originality_of_model.know_corpus`).

    Raises:
        UserError: Tokenizer and model do not belong together.
    """

    def __init__(
        self,
        config: GPT2Config,
        weights: Mapping[str, np.ndarray],
        tokenizer: Tokenizer,
        *,
        generation_config: Mapping[str, Any] | None = None,
        jit_compile: bool = True,
    ):
        if tokenizer.vocab_size > config.vocabulary_size:
            raise UserError(
                f"the tokenizer must have at most the model's {config.vocabulary_size} ids; received "
                f"{tokenizer.vocab_size}. Take the tokenizer the model was trained with"
            )
        self.config = config
        self.tokenizer = tokenizer
        self.generation_config = dict(generation_config or {})
        self.copies: Copies | None = None
        self._guards: dict[int, CopyGuard] = {}
        self._scorers: dict[int, scoring.Scorer] = {}
        self._inspector: Inspector | None = None  # Keras and a copy of the weights, made when they are wanted
        self.engine = Engine(config, weights, tokenizer.end_of_text_id, tokenizer.vocab_size, jit_compile)

    def replace_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Goes on with other weights of the same model, as one that learns has them at each look.

        Args:
            weights: As on construction; copied.
        """
        self.engine.replace_weights(weights)
        self._scorers.clear()
        self._inspector = None

    def settings(self, **given: Any) -> GenerationSettings:
        """Settings for this model: what is given, else its generation_config.json's, else the product's defaults.

        Args:
            **given: Fields of `GenerationSettings`.

        Raises:
            UserError: A setting is unknown or out of range.
        """
        return GenerationSettings.for_model(self.generation_config, **given)

    def generate(self, prompt: str | Sequence[str] = "", **given: Any) -> str | list[str]:
        """Writes on from a prompt, or from several.

        Args:
            prompt: A string; empty lets the model begin a document. Or a list of strings.
            **given: Fields of `GenerationSettings`; the others are as `settings()` has them.

        Returns:
            The prompt with what follows it; a list when several prompts or samples were asked for.

        Raises:
            UserError: A setting is unknown or out of range.
        """
        settings = self.settings(**given)
        single = isinstance(prompt, str) and settings.num_samples == 1
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        texts = [passage.prompt + passage.text for passage in self.write(prompts, settings)]
        return texts[0] if single else texts

    def stream(self, prompt: str = "", **given: Any) -> Iterator[str]:
        """Writes on from one prompt: pieces of text as they are made, never half a character or a stop string.

        Args:
            prompt: A string; empty lets the model begin a document.
            **given: As for `generate`.

        Raises:
            UserError: A setting is unknown or out of range.
        """
        items = self.stream_passage(prompt, self.settings(**given))
        return (item for item in items if isinstance(item, str))

    def stream_passage(
        self, prompt: str, settings: GenerationSettings, sample_index: int = 0
    ) -> Iterator[str | Passage]:
        """As `stream`, for one sample; the last item is the `Passage`."""
        seed = _seed(settings)
        row = Row(self.tokenizer, prompt, 0, sample_index, seed, settings)
        session = self.engine.start([row.ids], settings, seed, [0], [sample_index], self._guard(settings))
        while True:
            if text := row.take(session, 0):
                yield text
            if not session.active[0]:
                break
            session.advance(STREAM_STEPS)
        if text := row.finish():
            yield text
        yield row.passage(session, 0)

    def write(self, prompts: Sequence[str], settings: GenerationSettings) -> Iterator[Passage]:
        """Writes `num_samples` passages for each prompt, in order, as many together as memory allows.

        Raises:
            KeyboardInterrupt: After the passages that were begun have been given as far as they went.
        """
        seed = _seed(settings)
        rows = (
            Row(self.tokenizer, prompt, index, sample, seed, settings)
            for index, prompt in enumerate(prompts)
            for sample in range(settings.num_samples)
        )
        for group in _groups(rows, self.engine.max_rows):
            yield from self._write_group(group, settings, seed)

    def score(self, text: str, alternatives: int = 10) -> TextScore:
        """How likely the model finds a text, token by token; it is taken as a document, from its beginning.

        Args:
            text: Any string; empty gives an empty score.
            alternatives: How many of the likeliest tokens to give at each place.

        Raises:
            UserError: `alternatives` is no integer from 0 on.
        """
        check_integer("alternatives", alternatives, 0)
        return scoring.score(self.scorer(alternatives), self.tokenizer, text)

    def scorer(self, alternatives: int = 0) -> scoring.Scorer:
        """The scoring pass with so many alternatives at each place, traced once."""
        if alternatives not in self._scorers:
            self._scorers[alternatives] = scoring.Scorer(self.engine, alternatives)
        return self._scorers[alternatives]

    def candidates(self, text: str, k: int = 10) -> list[Candidate]:
        """The likeliest next tokens after a text, likeliest first, equally likely ones by rising id.

        Args:
            text: Any string; empty asks how a document begins. Of a text longer than the context the end counts.
            k: How many, all that the tokenizer has at most.

        Raises:
            UserError: `k` is no integer from 1 on, or the weights give NaN.
        """
        check_integer("k", k, 1)
        logits = self.engine.next_logits(prompt_ids(self.tokenizer, text))
        return scoring.likeliest(logits, self.tokenizer, k)

    def inspect(self, text: str, *, start: int = 0, max_tokens: int | None = None, **given: Any) -> "Inspection":
        """What the model computes for a text: attention, queries, keys, hidden states, logits, surprise, the lens.

        The model sees the text alone: its first token follows nothing.

        Args:
            text: Any string; an empty one is the end of a text, after which a document begins.
            start: Tokens of a long text to leave out at its beginning.
            max_tokens: Tokens to look at, at most; the context length bounds it. None: 400, or fewer where a file
                could not hold more of so large a model.
            **given: Fields of `GenerationSettings` to show candidates with; the others are those of `settings()`.

        Returns:
            Its arrays; in a notebook it shows itself, and `save` writes it as one HTML file.

        Raises:
            UserError: A number is out of range, or the weights give NaN.
        """
        from tf_gpt2.inspection.inspector import Inspector

        if self._inspector is None:
            self._inspector = Inspector(self.config, to_arrays(self.engine.weights), self.tokenizer)
        return self._inspector.inspect(text, self.settings(**given), start=start, max_tokens=max_tokens)

    def keras_model(self, *, with_attention: bool = False) -> "keras.Model":
        """The live Keras functional model with these weights, for `fit`, callbacks or hidden states.

        It has a copy of the weights: training it does not change what this object writes.

        Args:
            with_attention: Adds every block's attention weights as named outputs (`tf_gpt2.model.build_model`).

        Returns:
            A model from token ids [B, T] int32 to logits [B, T, V] float32.
        """
        return build_model_from(self.config, to_arrays(self.engine.weights), with_attention=with_attention)

    def _guard(self, settings):
        least = settings.avoid_copying
        if not least:
            return None
        if self.copies is None:
            raise UserError(
                f"`avoid_copying`={least} needs the training text to compare with; give it when the model is opened"
            )
        if least not in self._guards:
            self._guards[least] = CopyGuard(self.copies, self.tokenizer, least)
        return self._guards[least]

    def _write_group(self, rows, settings, seed):
        steps = STOP_STEPS if settings.stop else PLAIN_STEPS
        session = self.engine.start(
            [row.ids for row in rows],
            settings,
            seed,
            [row.prompt_index for row in rows],
            [row.sample_index for row in rows],
            self._guard(settings),
        )
        interrupt = None
        try:
            while True:
                for place, row in enumerate(rows):
                    row.take(session, place)
                if not any(session.active):
                    break
                session.advance(steps)
        except KeyboardInterrupt as error:
            interrupt = error
        for place, row in enumerate(rows):
            if interrupt:
                row.take(session, place)
                row.interrupt(session.active[place])
            row.finish()
            if row.num_tokens or not interrupt:
                yield row.passage(session, place)
        if interrupt:
            raise interrupt


def load(folder: str | os.PathLike) -> TextGenerator:
    """Opens a model directory of any format that `tf_gpt2.model_directory` reads, with its sampling settings.

    Raises:
        UserError: The directory is missing, damaged or holds another kind of model.
    """
    config = load_config(folder)
    tokenizer = Tokenizer.load(folder)
    weights = load_weights(folder, config)
    return TextGenerator(config, weights, tokenizer, generation_config=load_generation_config(folder))


def _seed(settings):
    return secrets.randbelow(MAX_SEED + 1) if settings.seed is None else settings.seed


def _groups(rows, size):
    group = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group

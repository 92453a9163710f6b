"""The two-line Python interface: open a model directory, write text.

model = tf_gpt2.load("runs/demo")
print(model.generate("却说曹操", max_new_tokens=200))
"""

import dataclasses
import secrets
from collections.abc import Iterator, Sequence

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.generation.engine import Engine
from tf_gpt2.generation.settings import MAX_SEED, GenerationSettings
from tf_gpt2.generation.stopping import StopScanner
from tf_gpt2.model_directory import load_config, load_weights
from tf_gpt2.tokenizer import StreamDecoder, Tokenizer

# Tokens of one call of the compiled loop. Streaming shows each handful as it comes; with stop strings the loop
# should not run far past one; otherwise only Ctrl-C waits for a call to end.
STREAM_STEPS = 4
STOP_STEPS = 16
PLAIN_STEPS = 64


@dataclasses.dataclass(frozen=True)
class Passage:
    """One written text.

    Attributes:
        prompt: What the user gave.
        text: What the model wrote after it.
        finish: Why it ends: "length", "end_of_text", "stop" or "interrupted".
        num_tokens: New tokens, the one that ended the text included.
        cut_tokens: Tokens cut from the left of a prompt that is longer than the context.
        log_probability: Mean logarithm of the new tokens' probabilities under the model, before all controls.
        seed: With it, `prompt_index` and `sample_index` the same text is written again.
        prompt_index: Place of the prompt in the list given.
        sample_index: Which sample of that prompt.
    """

    prompt: str
    text: str
    finish: str
    num_tokens: int
    cut_tokens: int
    log_probability: float
    seed: int
    prompt_index: int
    sample_index: int


class TextGenerator:
    """A model and its tokenizer, ready to write.

    Args:
        config: The model's shape.
        weights: Float32 arrays by Hugging Face name (`tf_gpt2.model_directory`).
        tokenizer: A `tf_gpt2.tokenizer.Tokenizer`, of no more ids than the model.
        jit_compile: Whether XLA compiles the loop: faster, but a few seconds at the first text.

    Raises:
        UserError: Tokenizer and model do not belong together.
    """

    def __init__(self, config: GPT2Config, weights, tokenizer: Tokenizer, *, jit_compile: bool = True):
        if tokenizer.vocab_size > config.vocabulary_size:
            raise UserError(
                f"the tokenizer must have at most the model's {config.vocabulary_size} ids; received "
                f"{tokenizer.vocab_size}. Take the tokenizer the model was trained with"
            )
        self.config = config
        self.tokenizer = tokenizer
        self.engine = Engine(config, weights, tokenizer.end_of_text_id, tokenizer.vocab_size, jit_compile)

    def generate(self, prompt: str | Sequence[str] = "", **settings) -> str | list[str]:
        """Writes on from a prompt, or from several.

        Args:
            prompt: A string; empty lets the model begin a document. Or a list of strings.
            **settings: Fields of `GenerationSettings`.

        Returns:
            The prompt with what follows it; a list when several prompts or samples were asked for.

        Raises:
            UserError: A setting is out of range.
        """
        settings = GenerationSettings(**settings)
        single = isinstance(prompt, str) and settings.num_samples == 1
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        texts = [passage.prompt + passage.text for passage in self.write(prompts, settings)]
        return texts[0] if single else texts

    def stream(self, prompt: str = "", **settings) -> Iterator[str]:
        """Writes on from one prompt: pieces of text as they are made, never half a character or a stop string."""
        items = self.stream_passage(prompt, GenerationSettings(**settings))
        return (item for item in items if isinstance(item, str))

    def stream_passage(self, prompt: str, settings: GenerationSettings, sample_index: int = 0):
        """As `stream`, for one sample; the last item is the `Passage`."""
        seed = _seed(settings)
        row = _Row(self, prompt, 0, sample_index, seed, settings)
        session = self.engine.start([row.ids], settings, seed, [0], [sample_index])
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
            _Row(self, prompt, index, sample, seed, settings)
            for index, prompt in enumerate(prompts)
            for sample in range(settings.num_samples)
        )
        for group in _groups(rows, self.engine.max_rows):
            yield from self._write_group(group, settings, seed)

    def score(self, text: str, alternatives: int = 10):
        """Log-probability of each token of a text and the likeliest ones there: `generation.scoring.score`."""
        from tf_gpt2.generation.scoring import score

        return score(self, text, alternatives)

    def _write_group(self, rows, settings, seed):
        steps = STOP_STEPS if settings.stop else PLAIN_STEPS
        session = self.engine.start(
            [row.ids for row in rows],
            settings,
            seed,
            [row.prompt_index for row in rows],
            [row.sample_index for row in rows],
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
            if row.num_tokens:
                yield row.passage(session, place)
        if interrupt:
            raise interrupt


class _Row:
    """Turns the tokens of one row of a session into text."""

    def __init__(self, model: TextGenerator, prompt, prompt_index, sample_index, seed, settings):
        end = model.tokenizer.end_of_text_id
        encoded = model.tokenizer.encode(prompt)
        self.ids = encoded if len(encoded) else np.array([end], np.int32)
        self.prompt, self.prompt_index, self.sample_index = prompt, prompt_index, sample_index
        self._end = end
        self._seed, self._settings = seed, settings
        self._decoder, self._scanner = StreamDecoder(model.tokenizer), StopScanner(settings.stop)
        self._taken, self._text, self._finish = 0, "", "length"

    def take(self, session, place) -> str:
        """The text that the session's new tokens complete; ends the row at a stop string."""
        pieces = []
        if self._finish != "length":  # the session may have run past the stop string
            return ""
        for token in session.tokens[place][self._taken :]:
            self._taken += 1
            if token == self._end and self._settings.stop_at_end_of_text:
                self._finish = "end_of_text"
                break
            pieces.append(self._scanner.push(self._decoder.push(token)))
            if self._scanner.stopped:
                self._finish = "stop"
                session.stop(place)
                break
        self._text += (text := "".join(pieces))
        return text

    @property
    def num_tokens(self) -> int:
        """Tokens taken so far."""
        return self._taken

    def interrupt(self, active: bool):
        """Ends the row where it is, if the session would have gone on with it."""
        if active and self._finish == "length":
            self._finish = "interrupted"

    def finish(self) -> str:
        """What was held back."""
        rest = "" if self._scanner.stopped else self._scanner.push(self._decoder.flush()) + self._scanner.flush()
        self._text += rest
        return rest

    def passage(self, session, place) -> Passage:
        """The result."""
        return Passage(
            prompt=self.prompt,
            text=self._text,
            finish=self._finish,
            num_tokens=self._taken,
            cut_tokens=session.cut[place],
            log_probability=float(np.mean(session.scores[place][: self._taken])),
            seed=self._seed,
            prompt_index=self.prompt_index,
            sample_index=self.sample_index,
        )


def load(folder) -> TextGenerator:
    """Opens a model directory, ours or any Hugging Face GPT-2 with a `tokenizer.json`.

    Raises:
        UserError: The directory is missing, damaged or holds another kind of model.
    """
    config = load_config(folder)
    tokenizer = Tokenizer.load(folder)
    return TextGenerator(config, load_weights(folder, config), tokenizer)


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

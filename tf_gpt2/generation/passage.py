"""From the tokens of a session to written texts."""

import dataclasses

import numpy as np

from tf_gpt2.generation.sentences import SentenceEnd
from tf_gpt2.generation.session import Session
from tf_gpt2.generation.settings import GenerationSettings
from tf_gpt2.generation.stopping import StopScanner
from tf_gpt2.tokenizer import StreamDecoder, Tokenizer


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


def prompt_ids(tokenizer: Tokenizer, prompt: str) -> np.ndarray:
    """Ids [N] int32 of a prompt; an empty one becomes the end of text, so that the model begins a document."""
    ids = tokenizer.encode(prompt)
    return ids if len(ids) else np.array([tokenizer.end_of_text_id], np.int32)


class Row:
    """Turns the tokens of one row of a session into text.

    Attributes:
        ids: The prompt's ids [N], at least one.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        prompt: str,
        prompt_index: int,
        sample_index: int,
        seed: int,
        settings: GenerationSettings,
    ):
        end = tokenizer.end_of_text_id
        self.ids = prompt_ids(tokenizer, prompt)
        self.prompt, self.prompt_index, self.sample_index = prompt, prompt_index, sample_index
        self._end = end
        self._seed, self._settings = seed, settings
        goes_on = prompt and not prompt[-1].isspace()  # else what follows begins anew
        self._decoder = StreamDecoder(tokenizer, self.ids.tolist() if goes_on else ())
        self._scanner = StopScanner(settings.stop)
        self._sentence = SentenceEnd(settings.max_new_tokens) if settings.finish_sentence else None
        self._read, self._taken, self._text, self._finish = 0, 0, "", "length"

    def take(self, session: Session, place: int) -> str:
        """The text that the session's new tokens complete; ends the row where it is to end."""
        pieces = []
        for token in session.tokens[place][self._read :]:
            if self._ended:  # the session may have run past the end
                break
            self._read += 1
            if token == self._end and self._settings.stop_at_end_of_text:
                self._finish = "end_of_text"
                pieces.append(self._scanner.push(self._sentence.release() if self._sentence else ""))
                self._taken = self._read
                break
            piece = self._decoder.push(token)
            pieces.append(self._scanner.push(self._sentence.push(piece) if self._sentence else piece))
            self._taken = self._sentence.kept if self._sentence else self._read
            if self._scanner.stopped:
                self._finish = "stop"
            if self._ended:
                session.stop(place)
        self._text += (text := "".join(pieces))
        return text

    @property
    def _ended(self):
        return self._finish != "length" or (self._sentence is not None and self._sentence.ended)

    @property
    def num_tokens(self) -> int:
        """Tokens of the text so far."""
        return self._taken

    def interrupt(self, active: bool) -> None:
        """Ends the row where it is, if the session would have gone on with it."""
        if active and self._finish == "length":
            self._finish = "interrupted"

    def finish(self) -> str:
        """What was held back."""
        if self._scanner.stopped:
            return ""
        # Of tokens after the end of the sentence, what the decoder holds is none of the text.
        half = self._decoder.flush() if self._taken == self._read else ""
        rest = self._scanner.push(half) + self._scanner.flush()
        self._text += rest
        return rest

    def passage(self, session: Session, place: int) -> Passage:
        """The result."""
        return Passage(
            prompt=self.prompt,
            text=self._text,
            finish=self._finish,
            num_tokens=self._taken,
            cut_tokens=session.cut[place],
            log_probability=float(np.mean(session.scores[place][: self._taken])) if self._taken else 0.0,
            seed=self._seed,
            prompt_index=self.prompt_index,
            sample_index=self.sample_index,
        )

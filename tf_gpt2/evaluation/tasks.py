"""The zero-shot tasks of Radford et al. 2019, section 3, from local files in their published forms.

Conventions, where the paper leaves them open:

- lambada: one JSON object with the field `text` a line (OpenAI's lambada_test.jsonl). The last word, with the space
  before it, is predicted from what stands before it. Perplexity is per word: exp of the mean over passages of the
  sum of -ln p over the word's tokens. `accuracy` wants every token of the word to be the likeliest; the paper's
  figure is nearer to `accuracy_last_token`, which wants the last one alone.
- wikitext2, wikitext103: wiki.test.tokens. The text is detokenised and read with sliding windows; perplexity is per
  token of the published file: words between blanks, and one for the end of each line.
- enwik8: bytes of the file as they are, in UTF-8; bits per byte. The test set is by custom the last 5,000,000
  bytes; the file given is taken whole.
"""

import json
import os
import re
from typing import Any

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.corpus_loss import evaluate
from tf_gpt2.evaluation.figures import perplexity
from tf_gpt2.files import read_text

TASKS = ("lambada", "wikitext2", "wikitext103", "enwik8")
# What WikiText puts between blanks, and how it stood in the article.
_JOINED = ((r" @([-.,])@ ", r"\1"), (r" ([.,;:!?%)\]}])", r"\1"), (r"([(\[{$£]) ", r"\1"))
_CLITICS = re.compile(r" ('(?:s|t|re|ve|ll|d|m)|n't)\b", re.IGNORECASE)
_QUOTED = re.compile(r'" ([^"\n]*?) "')
_HEADING = re.compile(r"^ (=(?: =)*) (.*?) (=(?: =)*) $", re.MULTILINE)


def run_task(model: Any, task: str, path: str | os.PathLike, stride: int) -> dict[str, Any]:
    """The scores of a task.

    Args:
        model: A `TextGenerator`.
        task: One of `TASKS`.
        path: The task's file.
        stride: Tokens from one window to the next, where the text is long.

    Raises:
        UserError: The task is unknown, or the file is missing or not of its form.
    """
    if task not in TASKS:
        raise UserError(f"`task` must be one of {', '.join(TASKS)}; received {task!r}")
    if task == "lambada":
        return _lambada(model, read_lambada(path))
    text = read_text(path, argument="corpus")
    if task == "enwik8":
        figures = evaluate(model, [text], stride)
        return {"bits_per_byte": figures["bits_per_byte"], "bytes": figures["bytes"], "stride": stride}
    tokens = published_tokens(text)
    figures = evaluate(model, [detokenise(text)], stride)
    nats = figures["nats_per_token"] * figures["tokens"]
    return {"perplexity": perplexity(nats / tokens), "published_tokens": tokens, "stride": stride}


def read_lambada(path: str | os.PathLike) -> list[tuple[str, str]]:
    """The passages: what stands before the last word, and the word with its space.

    Raises:
        UserError: The file is missing, or a line is not of the form.
    """
    passages = []
    for number, line in enumerate(read_text(path, argument="corpus").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            text = json.loads(line)["text"].rstrip()
            before, word = text.rsplit(" ", 1)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UserError(
                f'{path}, line {number}: must be a JSON object {{"text": "..."}} of at least two words, as in '
                "lambada_test.jsonl; it is not"
            ) from None
        passages.append((before, f" {word}"))
    if not passages:
        raise UserError(f"{path} must hold a passage a line; it is empty")
    return passages


def detokenise(text: str) -> str:
    """Text of a wiki.*.tokens file as it stood in the articles, as far as blanks tell."""
    text = _HEADING.sub(lambda m: f" {m[1].replace(' ', '')} {m[2]} {m[3].replace(' ', '')} ", text)
    for pattern, joined in _JOINED:
        text = re.sub(pattern, joined, text)
    text = _QUOTED.sub(r'"\1"', _CLITICS.sub(r"\1", text))
    return "\n".join(line.strip() for line in text.split("\n"))


def published_tokens(text: str) -> int:
    """Tokens of a wiki.*.tokens file: words between blanks, and the end of each line."""
    return len(text.split()) + text.count("\n")


def _lambada(model, passages) -> dict[str, Any]:
    nats, whole, last = 0.0, 0, 0
    for before, word in passages:
        context, target = model.tokenizer.encode_batch([before, word])
        losses, right = _predicted(model, np.concatenate([context, target]), len(target))
        nats += float(losses.sum())
        whole += bool(right.all())
        last += bool(right[-1])
    count = len(passages)
    return {
        "passages": count,
        "perplexity": perplexity(nats / count),
        "accuracy": whole / count,
        "accuracy_last_token": last / count,
    }


def _predicted(model, ids, size) -> tuple[np.ndarray, np.ndarray]:
    """-ln p of the last `size` ids, and whether each was the likeliest."""
    scorer = model.scorer(1)
    parts = list(scorer.windows(ids, max(1, scorer.context_length // 2)))
    scores, best = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
    return -scores[-size:].astype(np.float64), best[-size:, 0] == ids[-size:]

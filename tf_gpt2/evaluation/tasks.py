"""The zero-shot tasks of Radford et al. 2019, section 3, from local files in their published forms.

Conventions, where the paper leaves them open, stand in `CONVENTIONS` and beside every result; so do the paper's own
figures. The tasks in which the model writes are in generation_tasks.py.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.cloze import run_cloze
from tf_gpt2.evaluation.corpus_loss import evaluate
from tf_gpt2.evaluation.detokenising import detokenise, published_tokens
from tf_gpt2.evaluation.figures import perplexity
from tf_gpt2.evaluation.generation_tasks import (
    run_coqa,
    run_questions,
    run_summaries,
    run_translation,
)
from tf_gpt2.evaluation.task_facts import CONVENTIONS, FILES, PAPER, TASKS
from tf_gpt2.evaluation.task_files import read_lambada
from tf_gpt2.files import read_text


def run_task(
    model: Any, task: str, paths: str | os.PathLike | Sequence[str | os.PathLike], stride: int
) -> dict[str, Any]:
    """The scores of a task, the paper's beside them, and the conventions.

    Args:
        model: A `TextGenerator`.
        task: One of `TASKS`.
        paths: The task's file; of a translation the source's and the target's.
        stride: Tokens from one window to the next, where the text is long.

    Raises:
        UserError: The task is unknown, or a file is missing or not of its form.
    """
    if task not in TASKS:
        raise UserError(f"`task` must be one of {', '.join(TASKS)}; received {task!r}")
    files = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if len(files) != FILES.get(task, 1):
        raise UserError(f"`corpus` must name {FILES.get(task, 1)} file(s) for `task`={task}; received {len(files)}")
    if task in ("wikitext2", "wikitext103", "enwik8"):
        figures = _long_text(model, task, files[0], stride)
    else:
        figures = _RUN[task](model, *files)
    return {**figures, "paper": PAPER[task], "conventions": CONVENTIONS[task]}


def _long_text(model, task, path, stride) -> dict[str, Any]:
    text = read_text(path, argument="corpus")
    if task == "enwik8":
        figures = evaluate(model, [text], stride)
        return {"bits_per_byte": figures["bits_per_byte"], "bytes": figures["bytes"], "stride": stride}
    tokens = published_tokens(text)
    figures = evaluate(model, [detokenise(text)], stride)
    nats = figures["nats_per_token"] * figures["tokens"]
    return {"perplexity": perplexity(nats / tokens), "published_tokens": tokens, "stride": stride}


def _lambada(model, path) -> dict[str, Any]:
    passages = read_lambada(path)
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


_RUN: dict[str, Callable[..., dict[str, Any]]] = {
    "lambada": _lambada,
    "cbt-cn": run_cloze,
    "cbt-ne": run_cloze,
    "coqa": run_coqa,
    "translation-en-fr": run_translation,
    "translation-fr-en": run_translation,
    "summarisation": run_summaries,
    "questions": run_questions,
}

"""The Children's Book Test (Hill et al. 2016): which of ten words was taken out of a sentence."""

import os
from typing import Any

import numpy as np

from tf_gpt2.evaluation.detokenising import detokenise_treebank
from tf_gpt2.evaluation.task_files import GAP, Cloze, read_cbt


def run_cloze(model: Any, path: str | os.PathLike) -> dict[str, Any]:
    """Share of the questions of a file whose most probable candidate is the answer.

    Args:
        model: A `TextGenerator`.
        path: File of questions.

    Raises:
        UserError: The file is missing, or a line is not of the form.
    """
    questions = read_cbt(path)
    right = 0
    for question in questions:
        scores = choice_scores(model, question)
        right += question.choices[int(np.argmax(scores))] == question.answer
    return {"questions": len(questions), "accuracy": right / len(questions)}


def choice_scores(model: Any, question: Cloze) -> list[float]:
    """ln p of each candidate and the rest of the sentence, given all that stands before.

    Equal beginnings change no comparison, so what all candidates share before the gap may be counted or not.
    """
    texts = [
        detokenise_treebank(" ".join([*question.story, question.question.replace(GAP, choice)]))
        for choice in question.choices
    ]
    shared = len(os.path.commonprefix(texts))
    cut = max(0, texts[0].rfind(" ", 0, shared))  # a word keeps the blank before it
    context, *targets = model.tokenizer.encode_batch([texts[0][:cut], *(text[cut:] for text in texts)])
    return [_log_probability(model, np.concatenate([context, target]), len(target)) for target in targets]


def _log_probability(model, ids, size) -> float:
    """Sum of ln p over the last `size` ids, from as many before them as the context holds."""
    scorer = model.scorer(0)
    longest = scorer.context_length
    if size < longest:
        ids = ids[-longest:]
    parts = [part[0] for part in scorer.windows(ids, max(1, longest // 2))]
    return float(np.concatenate(parts)[-size:].astype(np.float64).sum())

"""The paper's tasks in which the model writes: conversation, translation, summaries, questions.

Conventions: task_facts.py. Prompts are those of Radford et al. 2019, sections 3.5 to 3.8.
"""

import os
import re
from collections.abc import Sequence
from typing import Any

from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.task_files import read_coqa, read_parallel, read_questions, read_summaries
from tf_gpt2.evaluation.text_scores import bleu, conversation_f1, exact_match, rouge
from tf_gpt2.generation import GenerationSettings

EXAMPLES = 5
_ANSWER_TOKENS, _SENTENCE_TOKENS, _SUMMARY_TOKENS = 32, 200, 100
_HINT = "\nTL;DR:"
_SENTENCE = re.compile(r".+?(?:[.!?。！？…]+[\"'”’)）」』]*(?=\s|$|[^\x00-\x7f])|\n|$)", re.DOTALL)


def run_coqa(model: Any, path: str | os.PathLike) -> dict[str, Any]:
    """F1 of the answers to the questions of a file of CoQA."""
    prompts, answers = [], []
    for story, turns in read_coqa(path):
        text = f"{story}\n\n"
        for turn in turns:
            text += f"Q: {turn.question}\nA:"
            prompts.append(text)
            answers.append(turn.answers)
            text += f" {turn.answers[0]}\n"
    written = _lines(model, prompts, _ANSWER_TOKENS)
    scores = [conversation_f1(text, people) for text, people in zip(written, answers, strict=True)]
    return {"questions": len(scores), "f1": sum(scores) / len(scores)}


def run_translation(model: Any, source: str | os.PathLike, target: str | os.PathLike) -> dict[str, Any]:
    """BLEU of the translations of a file's lines, the other file's being right."""
    examples, rest = _parted(read_parallel(source, target), f"{source} and {target}")
    shown = "".join(f"{one} = {other}\n" for one, other in examples)
    written = _lines(model, [f"{shown}{one} =" for one, _ in rest], _SENTENCE_TOKENS)
    return {"sentences": len(rest), "bleu": bleu(written, [other for _, other in rest])}


def run_questions(model: Any, path: str | os.PathLike) -> dict[str, Any]:
    """Share of a file's questions that are answered exactly."""
    examples, rest = _parted(read_questions(path), path)
    shown = "".join(f"Q: {turn.question}\nA: {turn.answers[0]}\n" for turn in examples)
    written = _lines(model, [f"{shown}Q: {turn.question}\nA:" for turn in rest], _ANSWER_TOKENS)
    right = [exact_match(text, turn.answers) for text, turn in zip(written, rest, strict=True)]
    return {"questions": len(rest), "exact_match": sum(right) / len(rest)}


def run_summaries(model: Any, path: str | os.PathLike) -> dict[str, Any]:
    """ROUGE of summaries of a file's articles, out of 100."""
    pairs = read_summaries(path)
    settings = GenerationSettings(max_new_tokens=_SUMMARY_TOKENS, top_k=2, seed=0)
    prompts = [_room_for_summary(model, article) + _HINT for article, _ in pairs]
    texts = [first_sentences(passage.text, 3) for passage in model.write(prompts, settings)]
    scores = [rouge(text, summary) for text, (_, summary) in zip(texts, pairs, strict=True)]
    return {"articles": len(pairs)} | {
        name: 100 * sum(score[name] for score in scores) / len(scores) for name in scores[0]
    }


def first_sentences(text: str, count: int) -> str:
    """The first sentences of a text; one without an end counts."""
    found = (match[0].strip() for match in _SENTENCE.finditer(text))
    return " ".join([sentence for sentence in found if sentence][:count])


def _room_for_summary(model, article) -> str:
    """The beginning of an article, so that it, the hint and the summary fit into the context."""
    room = model.config.context_length - _SUMMARY_TOKENS - len(model.tokenizer.encode(_HINT))
    ids = model.tokenizer.encode(article)
    return article if len(ids) <= room else model.tokenizer.decode(ids[: max(1, room)].tolist())


def _parted(pairs: Sequence, path) -> tuple[Sequence, Sequence]:
    """The examples, and what is scored."""
    if len(pairs) <= EXAMPLES:
        raise UserError(f"{path} must hold more than {EXAMPLES} items, which are examples; received {len(pairs)}")
    return pairs[:EXAMPLES], pairs[EXAMPLES:]


def _lines(model, prompts, most) -> list[str]:
    """What the model writes after each prompt, greedily, up to the end of the line."""
    settings = GenerationSettings(max_new_tokens=most, temperature=0.0, stop=("\n",), seed=0)
    return [passage.text.strip() for passage in model.write(prompts, settings)]

"""Scores of written text against references: exact match, F1, BLEU, ROUGE; functions of strings alone."""

import collections
import math
import re
import string
from collections.abc import Sequence

_ORDERS = 4  # BLEU's n-grams
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ROUGE_WORD = re.compile(r"[a-z0-9]+")
# What stands alone, in the order of mteval-v13a.pl: symbols; stops not between digits; a dash after a digit.
_PARTED = (
    (re.compile(r"([{-~\[-` -&(-+:-@/])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)


def normalise_answer(text: str) -> str:
    """An answer as the scripts of SQuAD and CoQA compare it: small letters, no punctuation, no articles."""
    kept = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(_ARTICLES.sub(" ", kept).split())


def exact_match(text: str, answers: Sequence[str]) -> bool:
    """Whether a text is one of the answers, both normalised."""
    return normalise_answer(text) in map(normalise_answer, answers)


def answer_f1(text: str, answer: str) -> float:
    """F1 of the words that a text and an answer have in common, both normalised (Rajpurkar et al. 2016).

    Where one of them is empty it is 1 if both are, as in CoQA's script.
    """
    mine, theirs = normalise_answer(text).split(), normalise_answer(answer).split()
    if not mine or not theirs:
        return float(mine == theirs)
    return _f1((collections.Counter(mine) & collections.Counter(theirs)).total(), len(mine), len(theirs))


def conversation_f1(text: str, answers: Sequence[str]) -> float:
    """CoQA's F1: the best of the answers; of several, the mean of leaving out one after the other.

    So a model is measured against as many people as each of them is (Reddy et al. 2019, section 6.1).
    """
    scores = [answer_f1(text, answer) for answer in answers]
    if len(scores) == 1:
        return scores[0]
    return sum(max(scores[:left] + scores[left + 1 :]) for left in range(len(scores))) / len(scores)


def bleu(texts: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a corpus with one reference a text, from 0 to 100 (Papineni et al. 2002).

    Words as mteval-v13a.pl parts them, case kept; where an order has no match, half, a quarter and so on of a match
    is counted (Chen and Cherry 2014, smoothing 3). That is what sacrebleu reports unless told otherwise.
    """
    matches, totals = [0] * _ORDERS, [0] * _ORDERS
    length = reference_length = 0
    for text, reference in zip(texts, references, strict=True):
        mine, theirs = bleu_words(text), bleu_words(reference)
        length, reference_length = length + len(mine), reference_length + len(theirs)
        for order in range(_ORDERS):
            grams = _grams(mine, order + 1)
            matches[order] += (grams & _grams(theirs, order + 1)).total()
            totals[order] += grams.total()
    if not any(matches):
        return 0.0
    halves, logs = 1.0, []
    for match, total in zip(matches, totals, strict=True):
        if not total:  # shorter than the order
            break
        if not match:
            halves *= 2
        logs.append(math.log(match / total if match else 1 / (halves * total)))
    brevity = min(0.0, 1 - reference_length / length)
    return 100 * math.exp(brevity + sum(logs) / _ORDERS) if len(logs) == _ORDERS else 0.0


def bleu_words(text: str) -> list[str]:
    """The words of a line as mteval-v13a.pl parts them."""
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, character in (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
        text = text.replace(entity, character)
    text = f" {text} "
    for pattern, parted in _PARTED:
        text = pattern.sub(parted, text)
    return text.split()


def rouge(text: str, reference: str) -> dict[str, float]:
    """F1 of ROUGE-1, ROUGE-2 and ROUGE-L of a summary (Lin 2004): letters and digits, small, not stemmed."""
    mine, theirs = _ROUGE_WORD.findall(text.lower()), _ROUGE_WORD.findall(reference.lower())
    scores = {}
    for order in (1, 2):
        ours, wanted = _grams(mine, order), _grams(theirs, order)
        scores[f"rouge_{order}"] = _f1((ours & wanted).total(), ours.total(), wanted.total())
    scores["rouge_l"] = _f1(_longest_common(mine, theirs), len(mine), len(theirs))
    return scores


def _grams(words: Sequence[str], order: int) -> collections.Counter:
    return collections.Counter(zip(*(words[start:] for start in range(order)), strict=False))


def _longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0  # of the row above, one place to the left
        for place, other in enumerate(b, start=1):
            here = row[place]
            row[place] = before + 1 if word == other else max(here, row[place - 1])
            before = here
    return row[-1]


def _f1(common: int, mine: int, theirs: int) -> float:
    return 2 * common / (mine + theirs) if common else 0.0

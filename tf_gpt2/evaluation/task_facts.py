"""The names of the tasks, the figures of the paper, and the conventions: data that both commands and docs read."""

from typing import Any

SIZES = ("117M", "345M", "762M", "1542M")
# Tasks that take more than one file.
FILES = {"translation-en-fr": 2, "translation-fr-en": 2}


def _by_size(*values: float) -> dict[str, float]:
    return dict(zip(SIZES, values, strict=True))


# Radford et al. 2019: Table 3 for the first six; sections 3.5 to 3.8, which give the largest size alone, for those
# in which the model writes. Accuracies and F1 as shares, BLEU and ROUGE out of 100.
PAPER: dict[str, dict[str, Any]] = {
    "lambada": {
        "perplexity": _by_size(35.13, 15.60, 10.87, 8.63),
        "accuracy_last_token": _by_size(0.4599, 0.5548, 0.6012, 0.6324),
    },
    "cbt-cn": {"accuracy": _by_size(0.8765, 0.9235, 0.9345, 0.9330)},
    "cbt-ne": {"accuracy": _by_size(0.834, 0.871, 0.880, 0.8905)},
    "wikitext2": {"perplexity": _by_size(29.41, 22.76, 19.93, 18.34)},
    "wikitext103": {"perplexity": _by_size(37.50, 26.37, 22.05, 17.48)},
    "enwik8": {"bits_per_byte": _by_size(1.16, 1.01, 0.97, 0.93)},
    "coqa": {"f1": {"1542M": 0.55}},
    "translation-en-fr": {"bleu": {"1542M": 5.0}},
    "translation-fr-en": {"bleu": {"1542M": 11.5}},
    "summarisation": {"rouge_1": {"1542M": 29.34}, "rouge_2": {"1542M": 8.27}, "rouge_l": {"1542M": 26.58}},
    "questions": {"exact_match": {"1542M": 0.041}},
}
TASKS = tuple(PAPER)

_WIKITEXT = (
    "detokenised, read in sliding windows; per token of the published file: words between blanks, and the end of "
    "each line"
)
_CLOZE = (
    "blanks of the Penn Treebank undone; of each candidate the probability of it and of the rest of the sentence, "
    "given the twenty lines and what stands before the gap; the most probable is the answer"
)
_TRANSLATION = (
    "the first five pairs are examples, 'sentence = translation' a line, and not scored; greedy, up to the end of "
    "the line; BLEU of the corpus, mteval-v13a words, case kept"
)
CONVENTIONS: dict[str, str] = {
    "lambada": (
        "the last word, with its blank, from what stands before; perplexity per word; accuracy wants every token "
        "of it to be the likeliest, accuracy_last_token the last alone, the reading that comes near the paper's"
    ),
    "cbt-cn": _CLOZE,
    "cbt-ne": _CLOZE,
    "wikitext2": _WIKITEXT,
    "wikitext103": _WIKITEXT,
    "enwik8": "the file's bytes as they are, all of them; by custom the test set is the last 5,000,000",
    "coqa": (
        "the story, questions and people's answers before as 'Q: ...' and 'A: ...', then 'A:'; greedy, up to "
        "the end of the line, at most 32 tokens; F1 of CoQA's script; a long prompt is cut from the left"
    ),
    "translation-en-fr": _TRANSLATION,
    "translation-fr-en": _TRANSLATION,
    "summarisation": (
        "the beginning of the article, as much as the context has room for, and 'TL;DR:'; 100 tokens, top-k 2, "
        "seed 0; the first three sentences; F1 of ROUGE, small letters, not stemmed, a mean over the articles"
    ),
    "questions": (
        "the first five questions with their first answers are examples, 'Q: ...' and 'A: ...', and not scored; "
        "greedy, up to the end of the line, at most 32 tokens; exact match as SQuAD's script normalises"
    ),
}

"""Openings for the page: the beginnings of paragraphs of the books the model was trained on."""

import os
import re

from tf_gpt2.cache import prepared_corpus_folder
from tf_gpt2.data.token_files import read_prepared
from tf_gpt2.errors import UserError
from tf_gpt2.files import read_text
from tf_gpt2.run_directory import training_facts
from tf_gpt2.tokenizer import Tokenizer

SHORTEST, LONGEST = 4, 16  # characters of a clause where words have no spaces between them
FEWEST_WORDS, MOST_WORDS = 2, 5
_WORDS_OF_PROSE = 8  # a shorter paragraph with spaces is a heading or half a line of speech
PER_BOOK, PER_SINGLE_BOOK = 3, 6
# What to offer when the prepared corpus is not on this machine: words that begin many a paragraph.
CHINESE = ("却说", "次日", "那人笑道：", "正说话间，")
ENGLISH = ("It was a", "The old man", "“I do not", "In the morning")
_CLAUSE = re.compile(r"[^，。！？；,.!?;\s“”\"'（）()]+[，。！？；：,.!?;:]?")


def book_openings(run_dir: str | os.PathLike, tokenizer: Tokenizer) -> list[tuple[str, list[str]]]:
    """A few openings for each book, spread evenly over it.

    Args:
        run_dir: A model directory; training.json names the prepared corpus of a run.
        tokenizer: The model's tokenizer.

    Returns:
        [(title, openings)]; one entry with an empty title when the prepared corpus is not in the cache any more.
    """
    name = training_facts(run_dir).corpus.prepared
    prepared = read_prepared(prepared_corpus_folder(name), from_cache=True) if name else None
    if prepared is None:
        chinese = tokenizer.has_token(["说", "人"]).all()
        return [("", list(CHINESE if chinese else ENGLISH))]
    tokens = prepared.train.tokens
    books = [(book.title, book.train_tokens) for book in prepared.report.books]
    count = PER_BOOK if len(books) > 1 else PER_SINGLE_BOOK
    openings, start = [], 0
    for title, length in books:
        openings.append((title, _spread(tokens[start : start + length], tokenizer, count)))
        start += length
    return [(title, found) for title, found in openings if found]


def read_openings(path: str | os.PathLike) -> list[tuple[str, list[str]]]:
    """Reads a file of lines "book<TAB>opening", or "opening" alone.

    Raises:
        UserError: The file cannot be read or holds no opening.
    """
    books: dict = {}
    for line in filter(str.strip, read_text(path, argument="openings").splitlines()):
        title, _, opening = line.rpartition("\t")
        books.setdefault(title.strip(), []).append(opening.strip())
    if not books:
        raise UserError(f'`openings` must name a file of lines "book<TAB>opening"; {path} is empty')
    return list(books.items())


def _spread(tokens, tokenizer, count):
    found = []
    for place in range(count):
        # From a fraction into the book on, the first paragraph with a good beginning.
        start = len(tokens) * (2 * place + 1) // (2 * count)
        text = tokenizer.decode(tokens[start : start + 4000].tolist(), skip_special_tokens=True)
        # With blank lines between paragraphs a line feed is where a line was full.
        paragraphs = text.split("\n\n" if "\n\n" in text else "\n")[1:]
        beginnings = (_first_words(paragraph) or _first_clause(paragraph) for paragraph in paragraphs)
        good = next((opening for opening in beginnings if opening and opening not in found), None)
        found += [good] if good else []
    return found


def _first_words(paragraph: str) -> str:
    """The first words of prose with spaces between them, up to a sign of punctuation; else empty."""
    words = paragraph.split()
    prose = len(words) >= _WORDS_OF_PROSE and any(map(str.islower, words[1:]))
    if not prose or not words[0][0].isalpha():  # a number, or speech whose quotes nothing would close
        return ""
    ends = (count for count in range(FEWEST_WORDS, MOST_WORDS) if not words[count - 1][-1].isalnum())
    return " ".join(words[: next(ends, MOST_WORDS)])


def _first_clause(paragraph: str) -> str:
    """The first clause where words have no spaces between them, if its length is good; else empty."""
    clause = _CLAUSE.match(paragraph.strip())
    if not clause or not SHORTEST <= len(clause[0]) <= LONGEST:
        return ""
    # With a space behind it, it is a word, or the number of a chapter.
    return "" if paragraph.strip()[clause.end() :][:1].isspace() else clause[0]

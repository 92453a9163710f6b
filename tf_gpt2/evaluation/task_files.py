"""The files of the tasks in their published forms; what is not of the form is named with file, line and rule."""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from tf_gpt2.corpus.json_lines import NotJSON, describe, json_values, parse_json
from tf_gpt2.errors import UserError
from tf_gpt2.files import read_text

GAP = "XXXXX"
_STORY_LINES, _CHOICES = 20, 10


class Cloze(NamedTuple):
    """A question of the Children's Book Test: story, a sentence with `GAP`, what stands there, choices."""

    story: list[str]
    question: str
    answer: str
    choices: list[str]


class Turn(NamedTuple):
    """A question of a conversation and the answers that people gave, the conversation's own first."""

    question: str
    answers: list[str]


class Conversation(NamedTuple):
    """A story of CoQA and what is asked about it."""

    story: str
    turns: list[Turn]


def read_lambada(path: str | os.PathLike) -> list[tuple[str, str]]:
    """The passages: what stands before the last word, and the word with its space.

    Raises:
        UserError: The file is missing, or a line is not of the form.
    """
    rule = 'a JSON object {"text": "..."} of at least two words, as in lambada_test.jsonl'
    passages = []
    for place, value in _objects(path, rule):
        before, blank, word = _string(value, "text", place, rule).rstrip().rpartition(" ")
        if not blank:
            raise _wrong(place, rule)
        passages.append((before, f" {word}"))
    return passages


def read_cbt(path: str | os.PathLike) -> list[Cloze]:
    """The questions of a file of the Children's Book Test, cbtest_CN_test_2500ex.txt say.

    Raises:
        UserError: The file is missing, or a line is not of the form.
    """
    questions: list[Cloze] = []
    story: list[str] = []
    number = 0
    for number, line in enumerate(read_text(path, argument="corpus").split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        count, _, text = line.partition(" ")
        if count != str(len(story) + 1):
            raise _wrong(place, f"line {len(story) + 1} of a question, which begins with that number and a blank")
        if len(story) < _STORY_LINES:
            story.append(text)
        else:
            questions.append(Cloze(story, *_question(text, place)))
            story = []
    if story or not questions:
        raise _wrong(f"{path}, line {number}", "the end of a question of 21 lines")
    return questions


def _question(text: str, place: str) -> tuple[str, str, list[str]]:
    rule = f'"21 sentence with {GAP}<TAB>answer<TAB><TAB>ten candidates with | between", the answer among them'
    parts = text.rstrip("\r").split("\t")
    if len(parts) != 4 or parts[0].split().count(GAP) != 1:
        raise _wrong(place, rule)
    choices = parts[3].split("|")
    if len(choices) != _CHOICES or not all(choices) or parts[1] not in choices:
        raise _wrong(place, rule)
    return parts[0], parts[1], choices


def read_coqa(path: str | os.PathLike) -> list[Conversation]:
    """The conversations of a file of CoQA, coqa-dev-v1.0.json say.

    Raises:
        UserError: The file is missing or not of the form.
    """
    rule = (
        '{"data": [{"story": "...", "questions": [{"input_text": "..."}], "answers": [...]}]}, as CoQA publishes it'
    )
    try:
        content = parse_json(read_text(path, argument="corpus"))
    except NotJSON as error:
        raise UserError(f"{path}: must be JSON, {rule}; {error}") from None
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, list) or not data:
        raise _wrong(str(path), rule)
    return [
        _conversation(item, f"{path}, item {number} of data", rule) for number, item in enumerate(data, start=1)
    ]


def _conversation(item: Any, place: str, rule: str) -> Conversation:
    if not isinstance(item, dict):
        raise _wrong(place, rule)
    questions = _texts(item.get("questions"), place, rule)
    others = item.get("additional_answers", {})
    columns = [_texts(item.get("answers"), place, rule)]
    if not isinstance(others, dict):
        raise _wrong(place, rule)
    columns += [_texts(column, place, rule) for column in others.values()]
    if not questions or any(len(column) != len(questions) for column in columns):
        raise _wrong(place, "as many answers as questions, at least one")
    turns = [Turn(question, list(answers)) for question, *answers in zip(questions, *columns, strict=True)]
    return Conversation(_string(item, "story", place, rule), turns)


def _texts(items: Any, place: str, rule: str) -> list[str]:
    if not isinstance(items, list):
        raise _wrong(place, rule)
    return [_string(item, "input_text", place, rule) for item in items]


def read_questions(path: str | os.PathLike) -> list[Turn]:
    """The questions of a file of NaturalQuestions-Open, NQ-open.dev.jsonl say.

    Raises:
        UserError: The file is missing, or a line is not of the form.
    """
    rule = '{"question": "...", "answer": ["...", ...]}, as in NQ-open.dev.jsonl'
    turns = []
    for place, value in _objects(path, rule):
        answers = value.get("answer") if isinstance(value, dict) else None
        if not isinstance(answers, list) or not answers or not all(isinstance(answer, str) for answer in answers):
            raise _wrong(place, rule)
        turns.append(Turn(_string(value, "question", place, rule), answers))
    return turns


def read_summaries(path: str | os.PathLike) -> list[tuple[str, str]]:
    """Articles and their summaries, of JSON lines of CNN and Daily Mail.

    Raises:
        UserError: The file is missing, or a line is not of the form.
    """
    rule = '{"article": "...", "highlights": "..."}, as CNN and Daily Mail are published in JSON lines'
    return [
        (_string(value, "article", place, rule), _string(value, "highlights", place, rule))
        for place, value in _objects(path, rule)
    ]


def read_parallel(source: str | os.PathLike, target: str | os.PathLike) -> list[tuple[str, str]]:
    """The lines of two files, sentence by sentence: newstest2014.en and newstest2014.fr say.

    Raises:
        UserError: A file is missing, or they differ in their number of lines.
    """
    lines = [read_text(path, argument="corpus").rstrip("\n").split("\n") for path in (source, target)]
    if len(lines[0]) != len(lines[1]):
        raise UserError(
            f"{source} and {target} must have a sentence a line, the same in both; they have {len(lines[0])} and "
            f"{len(lines[1])} lines"
        )
    for number, pair in enumerate(zip(*lines, strict=True), start=1):
        for path, line in zip((source, target), pair, strict=True):
            if not line.strip():
                raise _wrong(f"{path}, line {number}", "a sentence")
    return [(one.strip(), other.strip()) for one, other in zip(*lines, strict=True)]


def _objects(path, rule) -> Iterator[tuple[str, Any]]:
    """The place and value of each line of JSON; at least one."""
    number = 0
    try:
        for item in json_values(read_text(path, argument="corpus"), ".jsonl"):
            number = item.number
            yield f"{path}, {item.where}", item.value
    except NotJSON as error:
        where, _, reason = str(error).partition(" is not")
        raise UserError(f"{path}, {where}: must be {rule}; it is not{reason}") from None
    if not number:
        raise UserError(f"{path} must hold lines of {rule}; it is empty")


def _string(value: Any, name: str, place: str, rule: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str) or not found.strip():
        raise UserError(f"{place}: must be {rule}; {name!r} is missing or no text in {describe(value)}")
    return found


def _wrong(place: str, rule: str) -> UserError:
    return UserError(f"{place}: must be {rule}; it is not")

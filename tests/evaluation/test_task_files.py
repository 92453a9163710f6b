"""Files of tasks: what their published forms hold, and what is not of the form, with file, line and rule."""

import json

import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.task_files import (
    Cloze,
    Turn,
    read_cbt,
    read_coqa,
    read_parallel,
    read_questions,
    read_summaries,
)

CHOICES = "cat|dog|hen|cow|pig|fox|owl|bee|ant|rat"
STORY = [f"The cat said , `` {number} . ''" for number in range(1, 21)]


def cbt(question="21 Then the XXXXX sat .\tcat\t\t" + CHOICES, story=STORY):
    return "".join(f"{number} {line}\n" for number, line in enumerate(story, start=1)) + question + "\n\n"


def written(tmp_path, content, name="file.txt"):
    path = tmp_path / name
    path.write_text(content, "utf-8")
    return path


def test_a_file_of_the_childrens_book_test(tmp_path):
    expected = Cloze(STORY, "Then the XXXXX sat .", "cat", CHOICES.split("|"))
    assert read_cbt(written(tmp_path, cbt() * 2)) == [expected, expected]


@pytest.mark.parametrize(
    ("content", "place", "rule"),
    [
        (cbt(story=STORY[:19]), "line 20", "line 20 of a question"),
        (cbt() + "1 The end\n", "line 24", "the end of a question of 21 lines"),
        ("", "line 1", "the end of a question of 21 lines"),
        (cbt("21 Then the cat sat .\tcat\t\t" + CHOICES), "line 21", "XXXXX"),
        (cbt("21 The XXXXX XXXXX .\tcat\t\t" + CHOICES), "line 21", "XXXXX"),
        (cbt("21 The XXXXX sat .\tcat\t" + CHOICES), "line 21", "<TAB>answer<TAB><TAB>"),
        (cbt("21 The XXXXX sat .\tcat\t\tcat|dog"), "line 21", "ten candidates"),
        (cbt("21 The XXXXX sat .\telk\t\t" + CHOICES), "line 21", "the answer among them"),
    ],
)
def test_a_line_of_the_childrens_book_test_that_is_not_of_the_form(tmp_path, content, place, rule):
    with pytest.raises(UserError, match="file.txt, ") as error:
        read_cbt(written(tmp_path, content))
    assert f"{place}:" in str(error.value) and rule in str(error.value)


COQA = {
    "version": "1.0",
    "data": [
        {
            "story": "A cat.",
            "questions": [{"input_text": "What?", "turn_id": 1}, {"input_text": "Big?", "turn_id": 2}],
            "answers": [{"input_text": "a cat", "turn_id": 1}, {"input_text": "no", "turn_id": 2}],
            "additional_answers": {"0": [{"input_text": "cat"}, {"input_text": "unknown"}]},
        }
    ],
}


def test_a_file_of_coqa(tmp_path):
    ((story, turns),) = read_coqa(written(tmp_path, json.dumps(COQA)))
    assert story == "A cat."
    assert turns == [Turn("What?", ["a cat", "cat"]), Turn("Big?", ["no", "unknown"])]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "must be JSON"),
        ("[]", "must be"),
        ({"data": []}, "must be"),
        ({"data": [3]}, "item 1 of data: must be"),
        ({"data": [COQA["data"][0], {"story": "x"}]}, "item 2 of data"),
        ({"data": [{**COQA["data"][0], "answers": []}]}, "as many answers as questions"),
        ({"data": [{**COQA["data"][0], "story": 3}]}, "'story' is missing"),
        ({"data": [{**COQA["data"][0], "additional_answers": []}]}, "item 1 of data"),
    ],
)
def test_coqa_that_is_not_of_the_form(tmp_path, content, said):
    path = written(tmp_path, content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError, match="file.txt") as error:
        read_coqa(path)
    assert said in str(error.value)


def test_questions_and_summaries(tmp_path):
    path = written(tmp_path, '{"question": "who", "answer": ["x", "y"]}\n')
    assert read_questions(path) == [Turn("who", ["x", "y"])]
    path = written(tmp_path, '{"article": "long", "highlights": "short", "id": 3}\n')
    assert read_summaries(path) == [("long", "short")]


@pytest.mark.parametrize(
    "line", ['{"question": "who", "answer": []}', '{"question": "who", "answer": "x"}', "3", "{"]
)
def test_a_line_of_questions_that_is_not_of_the_form(tmp_path, line):
    good = '{"question": "who", "answer": ["x"]}\n'
    with pytest.raises(UserError, match=r'file\.txt, line 2: must be \{"question"'):
        read_questions(written(tmp_path, good + line))


def test_a_line_of_summaries_that_is_not_of_the_form(tmp_path):
    with pytest.raises(UserError, match=r"line 1: must be .*'highlights' is missing"):
        read_summaries(written(tmp_path, '{"article": "long"}'))


def test_two_files_of_a_translation(tmp_path):
    english, french = written(tmp_path, "a cat\na dog\n", "t.en"), written(tmp_path, "un chat\nun chien\n", "t.fr")
    assert read_parallel(english, french) == [("a cat", "un chat"), ("a dog", "un chien")]
    with pytest.raises(UserError, match="they have 2 and 1 lines"):
        read_parallel(english, written(tmp_path, "un chat\n", "t.fr"))
    with pytest.raises(UserError, match=r"t\.fr, line 1: must be a sentence"):
        read_parallel(english, written(tmp_path, " \nun chien\n", "t.fr"))

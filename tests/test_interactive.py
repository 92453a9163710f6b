"""The dialogue of the sample command: what may be typed there, and what is said to mistakes."""

import dataclasses

import pytest

from tf_gpt2 import interactive
from tf_gpt2.errors import UserError
from tf_gpt2.generation import GenerationSettings


def test_commands_of_the_dialogue_change_settings(capsys):
    settings = interactive.obey("/set temperature 0.5", GenerationSettings())
    settings = interactive.obey("/set stop 。", settings)
    settings = interactive.obey("/set seed none", interactive.obey("/set top_k 7", settings))
    assert dataclasses.astuple(settings) == dataclasses.astuple(
        GenerationSettings(temperature=0.5, stop=("。",), top_k=7)
    )
    interactive.obey("/settings", settings)
    interactive.obey("/help", settings)
    shown = capsys.readouterr().err
    assert "temperature 0.5" in shown and "/more" in shown


@pytest.mark.parametrize(
    ("typed", "stop"),
    [
        (r"\n", "\n"),
        (r"a\tb\\n", "a\tb\\n"),
        (r"\u3002", "。"),
        (r"\U0001f600\x41", "😀A"),
        (r"却说\n", "却说\n"),
        ("却说", "却说"),
    ],
)
def test_a_stop_string_is_typed_with_escapes(typed, stop):
    assert interactive.obey(f"/set stop {typed}", GenerationSettings()).stop == (stop,)


MISTAKES = (
    "/set temperature -1", "/set top_k many", "/set colour red", "/set", "/dance", "/", "/ ", "//",
    "/set stop \\", "/set stop a\\", "/set stop \\x", "/set stop \\xz1", "/set stop \\ud800",
    "/set stop \\U00110000",
    "/set stop \\N{BULLET}", "/set seed 1.5", "/set seed -1", "/set top_k " + "9" * 10_000, "/set top_p nan",
    "/set max_new_tokens 1e9", "/set stop_at_end_of_text maybe", "/set temperature \x1b[31m", "/\x1b[31m\ud800",
)  # fmt: skip


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_in_the_dialogue_is_explained(line):
    with pytest.raises(UserError):
        interactive.obey(line, GenerationSettings())


class _Echo:
    """Answers with what it was asked."""

    def stream_passage(self, prompt, settings):
        yield prompt


def test_no_line_ends_the_dialogue_but_quit_and_the_end_of_input(monkeypatch, capsys):
    lines = iter([*MISTAKES, "the last line", "/quit", "never"])
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    assert interactive.converse(_Echo(), GenerationSettings()) == 0
    captured = capsys.readouterr()
    assert captured.out == "the last line\n" and next(lines) == "never"
    errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == len(MISTAKES)
    assert max(map(len, errors)) <= 507 and "\x1b" not in captured.err


def test_bytes_that_are_no_text_are_a_prompt(tmp_path, monkeypatch, capsys):
    (tmp_path / "typed").write_bytes(b"\xff\xfe \xca\xc7\nlast\n")
    with (tmp_path / "typed").open(encoding="utf-8") as typed:
        monkeypatch.setattr("sys.stdin", typed)
        assert interactive.converse(_Echo(), GenerationSettings()) == 0
    assert capsys.readouterr().out.endswith("\ufffd\n> last\n> ")

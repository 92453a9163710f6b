"""What strangers' files may not do to the terminal."""

import ast
import io
import os
import pty
import subprocess
import sys

import pytest
from commands import ROOT

from tf_gpt2.terminal import for_stream, for_terminal, tell

HOSTILE = "a\x1b]0;owned\x07b\x1b[2J\x9b31mc\u202egnp.exe\u2066\u200f\ud800\x7f\x08\rd"


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("却说曹操，naïve 😀\tx\n", "却说曹操，naïve 😀\tx\n"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\ufffdb"),
        ("\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"),
        ("\x1b]52;c;c2VjcmV0\x07", "\ufffd]52;c;c2VjcmV0\ufffd"),
        ("\x9b31m\x85\x90", "\ufffd31m\ufffd\ufffd"),
        ("\u202egnp.exe\u2066\u2069\u061c\u200e", "\ufffdgnp.exe\ufffd\ufffd\ufffd\ufffd"),
        ("\ud800", "\ufffd"),
        ("\0\x7f", "\ufffd\ufffd"),
        ("می\u200cخواهم 👩\u200d👧", "می\u200cخواهم 👩\u200d👧"),  # joiners are spelling
    ],
)
def test_what_a_terminal_would_obey_is_replaced(text, shown):
    assert for_terminal(text) == shown


def test_a_file_or_a_program_gets_the_text_as_it_is():
    text = HOSTILE.replace("\ud800", "")
    assert for_stream(text, io.StringIO()) == text
    assert for_stream(text, _Terminal()) == for_terminal(text)
    assert for_stream("\ud800", io.StringIO()) == "\ufffd"


def test_messages_are_cleaned_in_a_log_too():
    stream = io.StringIO()
    tell(stream, "\x1b[2J", before="\r", end="")
    assert stream.getvalue() == "\r\ufffd[2J"
    tell(None, "x")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_a_full_device_loses_the_message_alone():
    stream = open("/dev/full", "w")  # noqa: SIM115 - closing it fails too
    tell(stream, "x")
    tell(stream, "x" * 100_000)
    with pytest.raises(OSError):
        stream.close()


def test_a_reader_that_is_gone_loses_the_message_alone():
    reading, writing = os.pipe()
    os.close(reading)
    stream = open(writing, "w")  # noqa: SIM115 - closing it fails too
    tell(stream, "x")
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_nothing_else_prints():
    apart = {ROOT / "tf_gpt2" / "terminal.py", ROOT / "tf_gpt2" / "printing.py"}
    for path in {path for folder in ("tf_gpt2", "export") for path in (ROOT / folder).rglob("*.py")} - apart:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("print", "sys.stdout.write", "sys.stderr.write"), path


_SHOWS = """
import logging, sys
from tf_gpt2 import command
from tf_gpt2.errors import UserError
text = ascii_text.encode().decode("unicode_escape")
def main(argv):
    command.result(text)
    command.message(text)
    command.draw(text)
    logging.getLogger("tf_gpt2.x").warning("%s", text)
    raise UserError(text)
command.run(main)
"""


def test_a_real_terminal_gets_no_controls(tmp_path):
    script = tmp_path / "shows.py"
    script.write_text(f"ascii_text = {ascii(HOSTILE)!r}\n{_SHOWS}", "utf-8")
    main, other = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=ROOT, stdin=other, stdout=other, stderr=other,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(other)
    shown = b""
    try:
        while part := os.read(main, 4096):
            shown += part
    except OSError:  # the other side is closed
        pass
    os.close(main)
    assert process.wait(60) == 2
    text = shown.decode().replace("\r\n", "\n")
    assert text.count("gnp.exe") == 5 and "error: " in text
    # Of ours there is the carriage return of the line that is drawn over and over.
    assert text.replace("\r", "", 1) == for_terminal(text.replace("\r", "", 1))


def test_a_pipe_gets_the_result_as_it_is(tmp_path):
    script = tmp_path / "shows.py"
    script.write_text(f"ascii_text = {ascii(HOSTILE)!r}\n{_SHOWS}", "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(script)], cwd=ROOT, capture_output=True, env=environment)
    assert "\x1b]0;owned\x07" in done.stdout.decode()
    assert done.stderr.decode() == for_terminal(done.stderr.decode())

"""What commands share: flags, messages, exit codes."""

import ast
import logging
import os
import re
import subprocess
import sys

import pytest
from commands import ROOT

from tf_gpt2 import command
from tf_gpt2.errors import UserError


def _flags():
    flags = command.Flags("tf_gpt2.play", "Plays.\n\n    python -m tf_gpt2.play", aliases={"source": "run_dir"})
    flags.group("The usual flags")
    flags.string("run_dir", "runs/demo", "Where.", value="DIR")
    flags.boolean("loud", False, "How.")
    flags.group("Others")
    flags.integer("count", 3, "How many.", least=1)
    flags.number("share", None, "How much.")
    flags.strings("files", [], "Which.")
    flags.repeated("stop", "When.")
    flags.choice("kind", "a", ["a", "b"], "What.")
    return flags


def test_values_and_which_of_them_were_given():
    values = _flags().parse(["--count=5", "--loud", "--files=a,b", "--stop=x", "--stop=y", "--share", "0.5"])
    assert (values.count, values.loud, values.files, values.stop) == (5, True, ["a", "b"], ["x", "y"])
    assert values.run_dir == "runs/demo" and not values.given("run_dir")
    assert values.pick("count", "share", "run_dir") == {"count": 5, "share": 0.5}


def test_two_sets_of_flags_live_in_one_process():
    first, second = _flags().parse(["--count=5"]), _flags().parse([])
    assert (first.count, second.count) == (5, 3)


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("--count=0", "--count must be a whole number, at least 1; received '0'; --help"),
        ("--count=many: 5", "--count must be a whole number, at least 1; received 'many: 5'; --help"),
        ("--share=hot", "--share must be a number; received 'hot'; --help"),
        ("--loud=maybe", "--loud must be true or false, or a switch without a value; received 'maybe'; --help"),
        ("--kind=c", "--kind must be one of a, b; received 'c'; --help"),
        ("--colour=red", "--colour is no flag; --help"),
        ("--run-dir=x", "--run-dir is no flag; did you mean --run_dir? --help"),
        ("--shere=1", "--shere is no flag; did you mean --share? --help"),
        ("word", "'word'"),
        ("--run_dir", "run_dir"),
    ],
)
def test_a_mistake_is_one_line(argument, named):
    with pytest.raises(command.CommandError) as caught:
        _flags().parse([argument])
    assert named in str(caught.value) and "\n" not in str(caught.value)


def test_help_has_the_groups_in_their_order_and_every_flag(capsys):
    with pytest.raises(SystemExit) as caught:
        _flags().parse(["--count=many", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.index("Plays.") < text.index("The usual flags:") < text.index("--run_dir=DIR")
    assert text.index("--[no]loud") < text.index("Others:") < text.index("--kind=a|b")
    assert "(default: runs/demo)" in text and "(default: 3)" in text and "false" not in text
    assert re.search(r"--stop=TEXT +When\.$", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= 100


def test_the_value_of_a_flag_is_no_request_for_help():
    assert _flags().parse(["--run_dir", "--help"]).run_dir == "--help"


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        _flags().parse(["--version"])
    assert caught.value.code == 0 and capsys.readouterr().out.startswith("tf_gpt2 ")


def test_flags_without_effect_are_refused():
    def refuse(*argv):
        _flags().parse(argv).refuse("loud", ["count", "stop"], "it is loud")

    refuse("--loud")
    refuse("--count=5")
    refuse("--noloud", "--count=5")
    with pytest.raises(command.CommandError, match="--count has no effect with --loud: it is loud"):
        refuse("--loud", "--count=3")  # the default, and yet asked for
    with pytest.raises(command.CommandError, match="--share needs --loud: why"):
        _flags().parse(["--share=0.5"]).need("share", "loud", "why")
    _flags().parse(["--share=0.5", "--loud"]).need("share", "loud", "why")
    with pytest.raises(command.CommandError, match="--share must be given"):
        _flags().parse([]).demand("share", "must be given")


def test_arguments_in_messages_become_flags_where_the_command_has_them():
    def work(values):
        raise UserError("`source` and `count` must fit `top_k`; run `make demo`")

    with pytest.raises(UserError, match="^--run_dir and --count must fit `top_k`; run `make demo`$"):
        command.parsed(_flags(), [], work)


def _raising(error):
    def main(argv):
        raise error

    return main


def test_exit_codes(capsys):
    assert command.call(lambda argv: 0, []) == 0
    assert command.call(_raising(UserError("first\nsecond")), []) == 2
    assert command.call(_raising(KeyboardInterrupt()), []) == 130
    assert command.call(_raising(BrokenPipeError()), []) == 0
    assert capsys.readouterr().err == "error: first second\ninterrupted\n"


def test_the_librarys_log_is_in_the_commands_words(capsys):
    def main(argv):
        flags = command.Flags("tf_gpt2.x", "")
        flags.group("The usual flags")
        flags.number("patience", None, "How long.")

        def work(values):
            logging.getLogger("tf_gpt2.training").info("let `patience` or `another` end it\n`patience`=3")
            return 0

        return command.parsed(flags, argv, work)

    command.call(main, [])
    assert capsys.readouterr().err == "let --patience or `another` end it\n--patience=3\n"


def test_the_librarys_log_is_shown_while_a_command_runs_and_only_then(capsys):
    logger = logging.getLogger("tf_gpt2")
    before = logger.level, logger.propagate, list(logger.handlers)

    def main(argv):
        logging.getLogger("tf_gpt2.export").info("writing")
        return 0

    command.call(main, [])
    command.call(main, [])
    assert capsys.readouterr().err == "writing\nwriting\n"
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-"])
def test_a_process_without_a_stream_goes_on(closed):
    work = "lambda argv: c.result('r') or c.message('m') or c.draw('d') or 0"
    code = f"from tf_gpt2 import command as c; c.run({work})"
    done = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -c "{code}" {closed}'], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr
    if closed == "<&-":
        assert (done.stdout, done.stderr) == ("r\n", "m\n")


def test_help_into_a_closed_pipe_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "tf_gpt2", "--help"], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def _library_modules():
    """Paths of what is neither a command nor what commands are made of."""
    apart = {"command", "flags", "text_flags", "printing", "interactive", "__main__"}
    paths = [path for folder in ("tf_gpt2", "export") for path in sorted((ROOT / folder).rglob("*.py"))]
    return [
        path.relative_to(ROOT).as_posix()
        for path in paths
        if path.stem not in apart and "command.run(main)" not in path.read_text("utf-8")
    ]


def _calls(name, function):
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == function]


@pytest.mark.parametrize("name", _library_modules())
def test_errors_of_the_library_name_arguments_not_flags(name):
    texts = [ast.unparse(call) for call in _calls(name, "UserError")]
    assert [text for text in texts if re.search(r"--(\w|\{)", text)] == []


@pytest.mark.parametrize("name", _library_modules())
def test_the_library_neither_prints_nor_knows_commands(name):
    to_stdout = [call for call in _calls(name, "print") if "file" not in {word.arg for word in call.keywords}]
    assert to_stdout == []
    text = (ROOT / name).read_text("utf-8")
    assert not re.search(r"import command\b|tf_gpt2\.(command|printing|flags)\b|absl import flags", text)


def test_a_switch_that_the_library_finds_off_is_shown_as_the_user_writes_it():
    flags = command.Flags("tf_gpt2.train", "")
    flags.group("The usual flags")
    flags.boolean("resume", True, "")
    flags.string("run_dir", None, "")
    assert (
        flags.explain("`resume`=False needs `run_dir`; not `other`=False")
        == "--noresume needs --run_dir; not `other`=False"
    )


class PanicException(BaseException):
    """As PyO3's, which cannot be imported."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(36, "File name too long", "x" * 300), "File name too long; check the path"),
        (OSError(5, "Input/output error"), "the system refused: Input/output error"),
        (MemoryError(), "not enough memory"),
        (PanicException("called `Option::unwrap()` on a `None` value"), "a library gave up on one"),
        (UserError("x" * 100_000), "…"),
        (UnicodeEncodeError("utf-8", "runs/\udcff", 5, 6, "surrogates not allowed"), "a name must be in UTF-8"),
        (UserError("a\x1b[31mb\u202e\u2028c"), "error: a\ufffd[31mb\ufffd c\n"),
    ],
)
def test_what_a_user_can_mend_is_one_line_of_bounded_length(capsys, error, said):
    assert command.call(_raising(error), []) == 2
    shown = capsys.readouterr().err
    assert said in shown and shown.startswith("error: ") and shown.count("\n") == 1
    assert len(shown) <= len("error: ") + 500 + 1


@pytest.mark.parametrize(
    "error", [RuntimeError("ours"), UnicodeEncodeError("ascii", "é", 0, 1, "no"), SystemExit(3), GeneratorExit()]
)
def test_a_fault_of_the_program_is_not_hidden(error):
    with pytest.raises(type(error)):
        command.call(_raising(error), [])


def test_a_name_that_is_too_long_is_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "tf_gpt2.sample", f"--run_dir={'x' * 300}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and re.fullmatch(r"error: .*xxx.*\n", done.stderr)


def test_a_long_line_of_the_log_is_shortened(capsys):
    def main(argv):
        logging.getLogger("tf_gpt2.x").warning("%s\nshort", "x" * 10_000)
        return 0

    command.call(main, [])
    first, second = capsys.readouterr().err.splitlines()
    assert len(first) <= 500 and second == "short"


_BOTH = "from tf_gpt2 import command as c\nc.run(lambda argv: c.result('却说\\ud800') or c.message('曹操') or 0)\n"


def _script(tmp_path, redirection, **environment):
    (tmp_path / "both.py").write_text(_BOTH, "utf-8")
    return subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" "{tmp_path / "both.py"}" {redirection}'],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


_NO_UTF8 = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("environment", "output"),
    [
        ({"LC_ALL": "C", **_NO_UTF8}, b"???\n"),  # there Python's stdout takes bytes of file names and nothing else
        ({"PYTHONIOENCODING": "latin-1"}, b"???\n"),
        ({"PYTHONIOENCODING": "ascii:surrogateescape"}, b"???\n"),
        ({"PYTHONIOENCODING": "gbk"}, "却说?\n".encode("gbk")),
        ({"PYTHONIOENCODING": "utf-8"}, "却说\ufffd\n".encode()),
        ({"LC_ALL": "C", "PYTHONUTF8": "1"}, "却说\ufffd\n".encode()),
    ],
)
def test_a_terminal_of_any_encoding_gets_what_it_has(tmp_path, environment, output):
    done = _script(tmp_path, "", **environment)
    assert (done.returncode, done.stdout) == (0, output)
    assert done.stderr and b"Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_a_full_device_is_one_line_and_no_success(tmp_path):
    done = _script(tmp_path, ">/dev/full")
    assert done.returncode == 2 and done.stdout == b""
    assert done.stderr.decode().splitlines() == [
        "error: cannot write to the standard output: No space left on device; free space or send it elsewhere"
    ]
    lost = _script(tmp_path, "2>/dev/full")  # nothing can be said there, and the work is done
    assert (lost.returncode, lost.stdout, lost.stderr) == (0, "却说\ufffd\n".encode(), b"")
    assert _script(tmp_path, ">/dev/full 2>&1").returncode == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
@pytest.mark.parametrize("flags", ["--help", "train --help", "--version", "sample --version"])
def test_help_on_a_full_device_is_one_line(flags):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tf_gpt2", *flags.split()],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "No space left" in done.stderr


def test_a_missing_stream_is_no_file_that_is_opened_later(tmp_path):
    opened = f"print(open({str(tmp_path / 'file')!r}, 'w').fileno(), file=open({str(tmp_path / 'number')!r}, 'w'))"
    (tmp_path / "opens.py").write_text(f"from tf_gpt2 import command as c\nc.run(lambda argv: {opened} or 0)\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command_line = ["sh", "-c", f'exec "{sys.executable}" "{tmp_path / "opens.py"}" <&- >&- 2>&-']
    subprocess.run(command_line, cwd=ROOT, env=environment, check=True)
    assert int((tmp_path / "number").read_text()) > 2

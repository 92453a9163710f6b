"""What every command shares: flags in groups, one clear line for a user's mistake, honest exit codes.

A command module has `main(argv) -> int`, which declares its flags, parses them and calls the library; importing it
does nothing. Flags are absl's, in a set of their own for every call, so any two commands live in one process.
"""

import contextlib
import io
import logging
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn

from absl import flags as absl_flags

from tf_gpt2 import __version__
from tf_gpt2.errors import UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
# What every command that opens a model says of its flag, and how the library calls the same thing.
MODEL_HELP = "Model directory: a run of tf_gpt2.train, or any format it opens."
MODEL_ALIASES = {"source": "run_dir"}
_HELP = ("help", "h", "helpfull", "helpshort")
_WIDTH = 100
_FLAG_COLUMN = 28
_ARGUMENT = re.compile(r"`(\w+)`")


class Flags:
    """Declares the flags of one command and parses its command line.

    Args:
        module: The command's module name, `tf_gpt2.train` say, which messages and help name.
        summary: What the command does, in a few lines; shown by --help.
        aliases: Arguments of the library that this command knows under the name of another flag.
    """

    def __init__(self, module: str, summary: str, aliases: dict[str, str] | None = None):
        self._module, self._summary = module, summary
        self._values = absl_flags.FlagValues()
        self._groups: list[tuple[str, list[str]]] = []
        self._hints: dict[str, str] = {}
        self._aliases = aliases or {}

    def group(self, title: str) -> None:
        """Begins a group of the help; the flags declared next belong to it. The usual ones come first."""
        self._groups.append((title, []))

    def string(self, name: str, default: str | None, explanation: str, *, value: str = "TEXT") -> None:
        """Declares a flag of text; `value` is the word that --help shows for what the user gives."""
        absl_flags.DEFINE_string(name, default, explanation, flag_values=self._values)
        self._add(name, value)

    def integer(self, name: str, default: int | None, explanation: str, *, least: int | None = None) -> None:
        """Declares a whole number, at least `least`."""
        absl_flags.DEFINE_integer(name, default, explanation, lower_bound=least, flag_values=self._values)
        self._add(name, "N")

    def number(self, name: str, default: float | None, explanation: str, *, least: float | None = None) -> None:
        """Declares a number, at least `least`."""
        absl_flags.DEFINE_float(name, default, explanation, lower_bound=least, flag_values=self._values)
        self._add(name, "X")

    def boolean(self, name: str, default: bool, explanation: str) -> None:
        """Declares a switch: --name and --noname."""
        absl_flags.DEFINE_bool(name, default, explanation, flag_values=self._values)
        self._add(name, "")

    def choice(self, name: str, default: str | None, values: Sequence[str], explanation: str) -> None:
        """Declares one of several words."""
        absl_flags.DEFINE_enum(name, default, list(values), explanation, flag_values=self._values)
        self._add(name, "|".join(values), explanation)

    def strings(self, name: str, default: list[str] | None, explanation: str, *, value: str = "A,B") -> None:
        """Declares several words with commas between them."""
        absl_flags.DEFINE_list(name, default, explanation, flag_values=self._values)
        self._add(name, value)

    def repeated(self, name: str, explanation: str, *, value: str = "TEXT") -> None:
        """Declares a flag that may be given several times; its value is a list."""
        absl_flags.DEFINE_multi_string(name, [], explanation, flag_values=self._values)
        self._add(name, value)

    def parse(self, argv: Sequence[str]) -> "Values":
        """Parses a command line.

        Args:
            argv: The arguments, without the program's name.

        Raises:
            UserError: An argument is no flag, a flag is unknown, or a value does not fit its flag.
            SystemExit: After --help or --version, which have been printed; code 0.
        """
        switches = set(self._switches(argv))
        if switches.intersection(_HELP):
            result(self.help())
            raise SystemExit(0)
        if "version" in switches:
            result(f"tf_gpt2 {__version__}")
            raise SystemExit(0)
        try:
            rest = self._values([self._module, *argv])[1:]
        except absl_flags.Error as error:
            raise CommandError(f"{error}; --help lists the flags") from None
        if rest:
            raise CommandError(f"arguments must be flags such as --run_dir=DIR; received {rest[0]!r}")
        return Values(self._values)

    def help(self) -> str:
        """The help: what the command does, then its flags in groups."""
        usage = f"usage: tf-gpt2 {self._module.rpartition('.')[2]} [flags]  or  python -m {self._module} [flags]"
        parts = [self._summary.strip(), usage]
        for title, names in self._groups:
            parts.append("\n".join([f"{title}:", *(self._help_of(name) for name in names)]))
        parts.append("Also --help and --version.")
        return "\n\n".join(parts)

    def explain(self, message: str) -> str:
        """A message of the library with `argument` as --flag, where the command has such a flag."""

        def flag(match: re.Match) -> str:
            name = self._aliases.get(match[1], match[1])
            return f"--{name}" if name in self._values else match[0]

        return _ARGUMENT.sub(flag, message)

    def _switches(self, argv: Sequence[str]) -> Iterator[str]:
        """Names of the flags given without a value; what is the value of the flag before it is none."""
        takes_value = False
        for argument in argv:
            name = argument.lstrip("-")
            is_flag = argument.startswith("-") and not takes_value
            takes_value = is_flag and name in self._hints and self._hints[name] != ""
            if is_flag:
                yield name

    def _add(self, name: str, hint: str, explanation: str | None = None) -> None:
        self._groups[-1][1].append(name)
        self._hints[name] = hint
        if explanation is not None:  # absl writes the words in front of it
            self._values[name].help = explanation

    def _help_of(self, name: str) -> str:
        flag, hint = self._values[name], self._hints[name]
        shown = f"  --{name}={hint}" if hint else f"  --[no]{name}"
        default = "" if flag.default in (None, "", []) else f" (default: {flag.default_as_str.strip(chr(39))})"
        lines = textwrap.wrap(f"{flag.help}{default}", _WIDTH - _FLAG_COLUMN) or [""]
        if len(shown) + 2 > _FLAG_COLUMN:
            lines = [shown, *(" " * _FLAG_COLUMN + line for line in lines)]
        else:
            lines = [shown.ljust(_FLAG_COLUMN) + lines[0], *(" " * _FLAG_COLUMN + line for line in lines[1:])]
        return "\n".join(lines)


class Values:
    """The values of a parsed command line, as attributes, and which of them the user gave."""

    def __init__(self, values: absl_flags.FlagValues):
        self._values = values

    def __getattr__(self, name: str) -> Any:
        return self._values[name].value

    def demand(self, flag: str, rule: str) -> None:
        """Refuses a command line without a value for `flag`; `rule` follows its name in the message.

        Raises:
            UserError: There is none.
        """
        if not self._values[flag].value:
            raise CommandError(f"--{flag} {rule}")

    def given(self, name: str) -> bool:
        """Whether the flag stands on the command line."""
        return bool(self._values[name].present)

    def pick(self, *names: str) -> dict[str, Any]:
        """Those of the flags that the user gave, by name."""
        return {name: self._values[name].value for name in names if self.given(name)}

    def refuse(self, flag: str, others: Iterable[str], reason: str) -> None:
        """Refuses `flag` together with any of `others`, which it would leave without effect.

        Raises:
            UserError: Both were given.
        """
        if self._wanted(flag):
            for other in others:
                if self._wanted(other):
                    raise CommandError(f"--{other} has no effect with --{flag}: {reason}; leave one of them out")

    def need(self, flag: str, wanted: str, reason: str) -> None:
        """Refuses `flag` without the flag `wanted`.

        Raises:
            UserError: `flag` was given and `wanted` was not.
        """
        if self._wanted(flag) and not self._values[wanted].value:
            raise CommandError(f"--{flag} needs --{wanted}: {reason}; give both or neither")

    def _wanted(self, name: str) -> bool:
        """Whether the flag was given and asks for something; --noname and an empty text do not."""
        value = self._values[name].value
        return self.given(name) and value is not None and value is not False and value not in ("", [])


class CommandError(UserError):
    """A mistake on the command line itself."""


def run(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Runs `main` on the process's arguments and exits with what `call` gives."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a character shows ?, as it does for others
        sys.stdout.reconfigure(errors="replace")
    code = call(main, sys.argv[1:])
    _let_go_of_closed_streams()
    sys.exit(code)


def call(main: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Runs a command; returns its exit code: 0 when done, 2 after a user's mistake, 130 after Ctrl-C."""
    with _log_shown():
        try:
            return main(argv)
        except UserError as error:
            message(f"error: {' '.join(str(error).split())}")
            return EXIT_USER_ERROR
        except KeyboardInterrupt:
            message("interrupted")
            return EXIT_INTERRUPTED
        except SystemExit as done:  # --help and --version
            return done.code if isinstance(done.code, int) else 0
        except BrokenPipeError:  # the reader, `head` say, has seen enough
            return 0


def parsed(flags: Flags, argv: Sequence[str], work: Callable[[Values], int]) -> int:
    """Parses and calls `work`; the library's errors come out with the command's flags for its arguments."""
    values = flags.parse(argv)
    try:
        return work(values)
    except CommandError:
        raise
    except UserError as error:
        raise CommandError(flags.explain(str(error))) from None


def message(text: str) -> None:
    """Prints a message for the person at the terminal; results alone go to stdout."""
    if sys.stderr is not None:  # a process may be started without one
        print(text, file=sys.stderr, flush=True)


def result(text: str, end: str = "\n") -> None:
    """Prints what the command was asked for to stdout, at once."""
    if sys.stdout is not None:
        print(text, end=end, flush=True)


def on_terminal() -> bool:
    """Whether a person sees stderr, so that a line of progress may be drawn over and over."""
    return sys.stderr is not None and sys.stderr.isatty()


def draw(line: str, end: str = "") -> None:
    """Draws a line of progress over the former one, on a terminal only; `end` closes the last one."""
    if on_terminal():
        print(f"\r{line}", end=end, file=sys.stderr, flush=True)


class _ToStderr(logging.Handler):
    """What the library tells of its progress, to the standard error of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        message(self.format(record))


@contextlib.contextmanager
def _log_shown() -> Iterator[None]:
    """Shows the library's log while a command runs, and leaves logging as it was."""
    logger, handler = logging.getLogger("tf_gpt2"), _ToStderr()
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def _let_go_of_closed_streams() -> None:
    """Points streams whose reader is gone nowhere, or Python would complain at its exit that it cannot flush them."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

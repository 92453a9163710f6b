"""Flags of a command in groups, absl's underneath, and which of them the user gave."""

import difflib
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from absl import flags as absl_flags

from tf_gpt2 import __version__, printing
from tf_gpt2.errors import UserError, shorten

_HELP = ("help", "h", "helpfull", "helpshort")
_WIDTH = 100
_FLAG_COLUMN = 28
_LONGEST_VALUE = 60
_LIKENESS = 0.75  # of a name that may have been meant, as difflib counts it
_ARGUMENT = re.compile(r"`(\w+)`(=False\b)?")


class CommandError(UserError):
    """A mistake on the command line itself."""


def did_you_mean(word: str, known: Iterable[str], before: str = "") -> str:
    """The end of a message: the known word most like one that is none, with `before` it; empty without one."""
    meant = difflib.get_close_matches(word, known, 1, _LIKENESS)
    return f"; did you mean {before}{meant[0]}?" if meant else ""


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
        self._rules: dict[str, str] = {}
        self._aliases = aliases or {}
        self._unnamed: str | None = None

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
        self._rules[name] = "a whole number" + ("" if least is None else f", at least {least}")

    def number(self, name: str, default: float | None, explanation: str, *, least: float | None = None) -> None:
        """Declares a number, at least `least`."""
        absl_flags.DEFINE_float(name, default, explanation, lower_bound=least, flag_values=self._values)
        self._add(name, "X")
        self._rules[name] = "a number" + ("" if least is None else f", at least {least:g}")

    def boolean(self, name: str, default: bool, explanation: str) -> None:
        """Declares a switch: --name and --noname."""
        absl_flags.DEFINE_bool(name, default, explanation, flag_values=self._values)
        self._add(name, "")
        self._rules[name] = "true or false, or a switch without a value"

    def choice(self, name: str, default: str | None, values: Sequence[str], explanation: str) -> None:
        """Declares one of several words."""
        absl_flags.DEFINE_enum(name, default, list(values), explanation, flag_values=self._values)
        self._add(name, "|".join(values), explanation)
        self._rules[name] = f"one of {', '.join(values)}"

    def strings(self, name: str, default: list[str] | None, explanation: str, *, value: str = "A,B") -> None:
        """Declares several words with commas between them."""
        absl_flags.DEFINE_list(name, default, explanation, flag_values=self._values)
        self._add(name, value)

    def repeated(self, name: str, explanation: str, *, value: str = "TEXT") -> None:
        """Declares a flag that may be given several times; its value is a list."""
        absl_flags.DEFINE_multi_string(name, [], explanation, flag_values=self._values)
        self._add(name, value, explanation)

    def take_unnamed(self, name: str) -> None:
        """Has the flag `name`, of several words, take the arguments that stand alone, too."""
        self._unnamed = name
        self._values.set_gnu_getopt(True)

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
            printing.result(self.help())
            raise SystemExit(0)
        if "version" in switches:
            printing.result(f"tf_gpt2 {__version__}")
            raise SystemExit(0)
        try:
            rest = self._values([self._module, *argv])[1:]
        except absl_flags.Error as error:
            said = self._in_words(error)
            raise CommandError(f"{said}{'' if said.endswith('?') else ';'} --help lists the flags") from None
        if rest and self._unnamed:
            flag = self._values[self._unnamed]
            flag.value = [*(flag.value or []), *rest]
        elif rest:
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
            if name not in self._values:
                return match[0]
            return f"--no{name}" if match[2] and self._hints[name] == "" else f"--{name}{match[2] or ''}"

        return _ARGUMENT.sub(flag, message)

    def _in_words(self, error: absl_flags.Error) -> str:
        """What absl refuses, with the rule of the flag instead of Python's words."""
        if isinstance(error, absl_flags.UnrecognizedFlagError):
            # A name with a dash is meant as it is written in most programs, with an underscore.
            name = error.flagname.replace("-", "_")
            return f"--{error.flagname} is no flag{did_you_mean(name, self._hints, '--')}"
        # "flag --name=value: reason", of which the reason is the error that it was made of.
        name, _, rest = str(error).removeprefix("flag --").partition("=")
        if not isinstance(error, absl_flags.IllegalFlagValueError) or name not in self._rules:
            return str(error)
        value = rest.removesuffix(f": {error.__context__}")
        return f"--{name} must be {self._rules[name]}; received {shorten(repr(value), _LONGEST_VALUE)}"

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
        if explanation is not None:  # absl adds words of its own
            self._values[name].help = explanation

    def _help_of(self, name: str) -> str:
        flag, hint = self._values[name], self._hints[name]
        shown = f"  --{name}={hint}" if hint else f"  --[no]{name}"
        plain = flag.default in (None, "", []) or flag.default is False
        default = "" if plain else f" (default: {(flag.default_as_str or '').strip(chr(39))})"
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

"""What every command shares: flags in groups, one clear line for a user's mistake, honest exit codes.

A command module has `main(argv) -> int`, which declares its flags, parses them and calls the library; importing it
does nothing. Flags are absl's, in a set of their own for every call, so any two commands live in one process.
"""

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from tf_gpt2 import printing
from tf_gpt2.errors import UserError
from tf_gpt2.flags import CommandError, Flags, Values
from tf_gpt2.printing import draw, message, on_terminal, result

__all__ = ["CommandError", "Flags", "Values", "call", "draw", "message", "on_terminal", "parsed", "result", "run"]

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
# What every command that opens a model says of its flag, and how the library calls the same thing.
MODEL_HELP = "Model directory: a run of tf_gpt2.train, or any format it opens."
MODEL_ALIASES = {"source": "run_dir"}


def run(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Runs `main` on the process's arguments and exits with what `call` gives."""
    printing.show_what_the_terminal_lacks()
    code = call(main, sys.argv[1:])
    printing.let_go_of_closed_streams()
    sys.exit(code)


def call(main: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Runs a command; returns its exit code: 0 when done, 2 after a user's mistake, 130 after Ctrl-C."""
    with printing.log_shown():
        try:
            return main(argv)
        except UserError as error:
            message(f"error: {' '.join(str(error).splitlines())}")
            return EXIT_USER_ERROR
        except KeyboardInterrupt:
            message("interrupted")
            return EXIT_INTERRUPTED
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

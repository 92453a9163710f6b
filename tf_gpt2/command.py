"""What every command shares: flags in groups, one clear line for a user's mistake, honest exit codes.

A command module has `main(argv) -> int`, which declares its flags, parses them and calls the library; importing it
does nothing. Flags are absl's, in a set of their own for every call, so any two commands live in one process.
"""

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from tf_gpt2 import printing
from tf_gpt2.errors import UserError, is_rust_panic
from tf_gpt2.flags import CommandError, Flags, Values
from tf_gpt2.printing import draw, message, on_terminal, result
from tf_gpt2.run_directory import shown

__all__ = ["CommandError", "Flags", "Values", "call", "draw", "message", "on_terminal", "parsed", "result", "run"]

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_NO_CHARACTER = re.compile("[\ud800-\udfff]")  # how Python has bytes of a name that are not UTF-8
# What every command that opens a model says of its flag, and how the library calls the same thing.
MODEL_HELP = "Model directory: a run of tf_gpt2.train, or any format it opens."
MODEL_ALIASES = {"source": "run_dir"}


def run(main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Runs `main` on the process's arguments and exits with what `call` gives."""
    printing.occupy_missing_streams()
    printing.show_what_the_terminal_lacks()
    code = call(main, sys.argv[1:])
    arrived = printing.let_go_of_closed_streams()
    sys.exit(code if arrived else code or EXIT_USER_ERROR)


def call(main: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Runs a command; returns its exit code: 0 when done, 2 after a user's mistake, 130 after Ctrl-C.

    What the library has no words for, and the user can still do something about, is one line too: files and folders
    that cannot be used, memory that is not enough, and what libraries written in Rust give up with.
    """
    with printing.log_shown():
        try:
            return main(argv)
        except UserError as error:
            printing.error_line(error)
        except KeyboardInterrupt:
            message("interrupted")
            return EXIT_INTERRUPTED
        except BrokenPipeError:  # the reader, `head` say, has seen enough
            return 0
        except OSError as error:
            printing.error_line(_of_a_file(error))
        except UnicodeEncodeError as error:
            if not _NO_CHARACTER.search(error.object):
                raise
            printing.error_line(f"a name must be in UTF-8 for this; received {shown(error.object)}; rename it")
        except MemoryError:
            printing.error_line("there is not enough memory for this; give less at once, or use a larger machine")
        except BaseException as error:
            if not is_rust_panic(error):
                raise
            printing.error_line(f"a file must be sound; a library gave up on one ({error}); copy or make it again")
        return EXIT_USER_ERROR


def _of_a_file(error: OSError) -> str:
    """What the system says of a file: a name too long, say, which no look at the file itself can tell."""
    what = error.strerror or str(error) or type(error).__name__
    if not isinstance(error.filename, (str, bytes)):
        return f"the system refused: {what}"
    return f"cannot use {os.fsdecode(error.filename)}: {what}; check the path, or give another one"


def parsed(flags: Flags, argv: Sequence[str], work: Callable[[Values], int]) -> int:
    """Parses and calls `work`; the library's log and errors come out with the command's flags for its arguments."""
    values = flags.parse(argv)
    printing.explain_log(flags.explain)
    try:
        return work(values)
    except CommandError:
        raise
    except UserError as error:
        raise CommandError(flags.explain(str(error))) from None

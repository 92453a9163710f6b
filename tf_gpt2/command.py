"""What every command shares: flags parsed by absl, one clear line for a user's mistake, honest exit codes."""

import sys

from absl import app

from tf_gpt2.errors import UserError

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def run(main) -> None:
    """Parses the flags, calls `main(argv)` and exits: 0 when done, 2 after a user's mistake, 130 after Ctrl-C."""

    def guarded(argv):
        if len(argv) > 1:
            raise UserError(f"arguments must be flags such as --run_dir=DIR; received {argv[1]!r}")
        return main(argv)

    def reported(argv):
        try:
            return guarded(argv)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return EXIT_USER_ERROR
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return EXIT_INTERRUPTED
        except BrokenPipeError:  # the reader, `head` say, has seen enough
            sys.stderr.close()
            return 0

    app.run(reported)


def message(text: str) -> None:
    """Prints a message for the person at the terminal; results alone go to stdout."""
    print(text, file=sys.stderr, flush=True)

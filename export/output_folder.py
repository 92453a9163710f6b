"""Folders written whole or not at all, and never over something that is there."""

import contextlib
import os
import pathlib
import shutil
import tempfile

from tf_gpt2.errors import UserError


@contextlib.contextmanager
def new_folder(output):
    """Gives a temporary folder beside `output`, which becomes `output` when the block ends without an error.

    Raises:
        UserError: `output` is not named, is a file or a folder with something in it, or cannot be written.
    """
    if not output:
        raise UserError("--output must name the folder to write; for example --output=exported")
    output = pathlib.Path(output)
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise UserError(f"--output must be a new or empty folder; {output} holds something. Choose another")
    temporary = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        temporary = pathlib.Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
        yield temporary
        # mkdtemp makes folders private; an export is meant to be shared.
        temporary.chmod(0o755)
        os.replace(temporary, output)  # takes the place of an empty folder too
    except OSError as error:
        raise UserError(
            f"cannot write {output}: {error.strerror or error}; free space or choose another --output"
        ) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)

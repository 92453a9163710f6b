"""Files written whole or not at all, and read with one clear line when they are not what they should be."""

import contextlib
import json
import os
import pathlib
import tempfile

from tf_gpt2.errors import UserError


@contextlib.contextmanager
def replacing(path):
    """Gives a temporary path beside `path`, which takes its place when the block ends without an error.

    So no reader ever sees half a file, and a former version stays until the new one is safely on the disk.

    Raises:
        UserError: The file cannot be written; a former version of it is left as it was.
    """
    path = pathlib.Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(descriptor)
        yield temporary
        # mkstemp makes files private; a model directory is meant to be shared like any other file of the user's.
        os.chmod(temporary, 0o666 & ~_umask())
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {path}: {reason}; free space or choose another directory") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def write_atomically(path, data: bytes) -> None:
    """Writes `data` to `path`, whole or not at all.

    Raises:
        UserError: The file cannot be written; a former version of it is left as it was.
    """
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(data)


def write_tensors(path, tensors, metadata: dict[str, str]) -> None:
    """Writes arrays by name as a safetensors file, whole or not at all.

    Raises:
        UserError: The file cannot be written; a former version of it is left as it was.
    """
    import safetensors.numpy

    with replacing(path) as temporary:
        try:
            safetensors.numpy.save_file(tensors, temporary, metadata=metadata)
        except safetensors.SafetensorError as error:
            raise OSError(f"{error}") from None


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_json(path, *, remedy: str) -> dict:
    """Reads a JSON object.

    Raises:
        UserError: The file is missing, is no JSON, or holds something else than an object.
    """
    path = pathlib.Path(path)
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {remedy}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}); {remedy}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} must hold a JSON object; received {type(value).__name__}; {remedy}")
    return value

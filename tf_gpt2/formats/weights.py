"""Weights under Hugging Face's names, whatever file they lie in: checked at once, read when asked for.

Shapes: V vocabulary_size, C context_length, D hidden_dim, F intermediate_dim.
"""

import os
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.run_directory import shorten, shown

TABLE, HEAD = "wte.weight", "lm_head.weight"  # [V, D] both; a tied model has no head of its own


class Weights(Mapping):
    """Float32 arrays by Hugging Face name, without the `transformer.` prefix; each look-up reads the file.

    So whoever takes the arrays one by one never holds more than one beside his own copy. Arrays may be read-only.

    Args:
        path: File or folder that error messages name.
        readers: A function by name that gives the float32 array.
    """

    def __init__(self, path: pathlib.Path, readers: dict[str, Callable[[], np.ndarray]]):
        self._path = path
        self._readers = readers

    def __getitem__(self, name: str) -> np.ndarray:
        read = self._readers[name]
        try:
            return read()
        except (UserError, MemoryError):
            raise
        except Exception as error:  # the file's library has errors of its own for what it did not expect
            raise DamagedFile(self._path, error) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


def is_block_matrix(name: str) -> bool:
    """Whether a weight is a matrix [in, out] of a transformer block."""
    return ".c_" in name and name.endswith(".weight")


def tensor_shapes(config: GPT2Config) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors of a model by Hugging Face name, without the `transformer.` prefix."""
    width, inner = config.hidden_dim, config.intermediate_dim
    shapes: dict[str, tuple[int, ...]] = {
        TABLE: (config.vocabulary_size, width),
        "wpe.weight": (config.context_length, width),
    }
    block: dict[str, tuple[int, ...]] = {
        "ln_1.weight": (width,),
        "ln_1.bias": (width,),
        "attn.c_attn.weight": (width, 3 * width),
        "attn.c_attn.bias": (3 * width,),
        "attn.c_proj.weight": (width, width),
        "attn.c_proj.bias": (width,),
        "ln_2.weight": (width,),
        "ln_2.bias": (width,),
        "mlp.c_fc.weight": (width, inner),
        "mlp.c_fc.bias": (inner,),
        "mlp.c_proj.weight": (inner, width),
        "mlp.c_proj.bias": (width,),
    }
    for index in range(config.num_layers):
        shapes.update({f"h.{index}.{name}": shape for name, shape in block.items()})
    shapes.update({"ln_f.weight": (width,), "ln_f.bias": (width,)})
    if not config.tie_embeddings:
        shapes[HEAD] = (config.vocabulary_size, width)
    return shapes


def check_tensors(
    path: pathlib.Path,
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[int, ...]],
    ignored: re.Pattern | None = None,
) -> None:
    """Refuses a source whose tensors are not exactly those of its configuration. Takes no memory for them.

    Args:
        path: What error messages name.
        expected: Shapes by the source's own tensor names.
        found: Shapes of what is there.
        ignored: Names that a source may hold beside them and that are passed over.

    Raises:
        UserError: A tensor is missing, has another shape, or is one that nothing would use.
    """
    for name, shape in expected.items():
        if name not in found:
            raise UserError(f"{path}: the tensor {name} is missing; configuration and weights must belong together")
        if tuple(found[name]) != shape:
            raise UserError(
                f"{path}: {name} must have the shape {shape} of the configuration; received "
                f"{shown(tuple(found[name]))}"
            )
    for name in found:
        if name not in expected and not (ignored and ignored.fullmatch(name)):
            raise UserError(
                f"{path}: the tensor {shorten(name, 200)} has no place in a GPT-2 of this configuration; remove it "
                "from the file, or give a checkpoint of a plain GPT-2"
            )


def to_float32(array: np.ndarray) -> np.ndarray:
    """Widens or narrows floating-point numbers to float32; no copy when they are float32 already."""
    return array.astype(np.float32, copy=False)


def widen_bfloat16(bits: np.ndarray) -> np.ndarray:
    """The float32 numbers whose upper halves are these 16 bits, uint16 of any shape; exact."""
    wide = bits.astype(np.uint32)
    wide <<= 16
    return wide.view(np.float32)


class DamagedFile(UserError):
    """A file that cannot be what its name says.

    Args:
        path: The file.
        error: How that was seen.
        remedy: What to do about it.
    """

    def __init__(self, path: str | os.PathLike, error: object, remedy: str = "copy or train it again"):
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        super().__init__(f"{path} is damaged ({shorten(reason, 200)}); {remedy}")
        self.path, self.error = path, error

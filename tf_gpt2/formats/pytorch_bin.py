"""pytorch_model.bin, through an installed PyTorch only.

The file is a pickle, and a pickle can run any code. PyTorch's `weights_only` unpickler builds tensors and nothing
else; without PyTorch the file stays closed.
"""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.formats.weights import damaged

FILE = "pytorch_model.bin"
INDEX_FILE = "pytorch_model.bin.index.json"
_CONVERT = (
    'convert it where PyTorch is: python -c "import torch, safetensors.torch as s; '
    "s.save_file({k: v.clone() for k, v in torch.load('pytorch_model.bin', weights_only=True).items()}, "
    "'model.safetensors')\""
)
_DTYPES = {"torch.float32": "F32", "torch.float16": "F16", "torch.float64": "F64", "torch.bfloat16": "BF16"}


@dataclasses.dataclass(frozen=True)
class TorchTensor:
    """A tensor of a state dictionary; `dtype` as safetensors spells it."""

    value: Any  # a torch.Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    @property
    def dtype(self) -> str:
        return _DTYPES.get(str(self.value.dtype), str(self.value.dtype))

    def read(self) -> np.ndarray:
        """The values as float32, of `shape`."""
        return self.value.float().contiguous().numpy()


def read(path: pathlib.Path) -> dict[str, TorchTensor]:
    """Lists the tensors of a state dictionary by name.

    Raises:
        UserError: PyTorch is not installed, or the file is damaged or holds something else than tensors.
    """
    try:
        import torch
    except ImportError:
        raise UserError(f"{path} can only be opened with PyTorch: pip install torch, or {_CONVERT}") from None
    try:
        try:
            values = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError:  # before PyTorch 1.6, as GPT2-Chinese's, files were no archives that can be mapped
            values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises whatever it likes
        raise damaged(path, error) from None
    if not isinstance(values, dict) or not all(isinstance(value, torch.Tensor) for value in values.values()):
        raise UserError(
            f"{path} must hold tensors by name, as model.state_dict() gives them; it holds something else"
        )
    for name, value in values.items():
        if value.untyped_storage().nbytes() < value.numel() * value.element_size():
            raise damaged(path, f"{name} of shape {tuple(value.shape)} is larger than what is stored of it")
    return {name: TorchTensor(value) for name, value in values.items()}

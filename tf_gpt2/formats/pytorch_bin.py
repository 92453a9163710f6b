"""pytorch_model.bin, through an installed PyTorch only.

The file is a pickle, and a pickle can run any code. PyTorch's `weights_only` unpickler builds tensors and nothing
else; without PyTorch the file stays closed.
"""

import dataclasses
import pathlib
import re
import warnings
import zipfile
from typing import Any

import numpy as np

from tf_gpt2.errors import UserError
from tf_gpt2.formats.weights import DamagedFile
from tf_gpt2.run_directory import shown

FILE = "pytorch_model.bin"
INDEX_FILE = "pytorch_model.bin.index.json"
# Before these, what weights_only=True promises could be got around: CVE-2025-32434 (2.6), CVE-2026-24747 (2.10).
_OLDEST = (2, 10)
_CONVERT = (
    'convert it where that is: python -c "import torch, safetensors.torch as s; '
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
        raise UserError(
            f"{path} can only be opened with PyTorch {_shown_version()} or later: pip install torch, or {_CONVERT}"
        ) from None
    if _version(torch) < _OLDEST:
        raise UserError(
            f"{path} needs PyTorch {_shown_version()} or later; {torch.__version__} is installed, where such a "
            f"file can run code (CVE-2025-32434, CVE-2026-24747). Upgrade it, or {_CONVERT}"
        )
    _require_stored(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # of what it finds odd in a file
            try:
                values = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            except RuntimeError:  # before PyTorch 1.6, as GPT2-Chinese's, files were no archives that can be mapped
                values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle raises whatever it likes
        raise DamagedFile(path, error) from None
    entries = values.items() if isinstance(values, dict) else [(None, None)]
    if not all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in entries):
        raise UserError(
            f"{path} must hold tensors by name, as model.state_dict() gives them; it holds something else"
        )
    try:
        for name, value in values.items():
            if value.untyped_storage().nbytes() < value.numel() * value.element_size():
                raise ValueError(f"{shown(name)} of shape {tuple(value.shape)} is larger than what is stored of it")
    except Exception as error:  # some kinds of tensors have no storage
        raise DamagedFile(path, error) from None
    return {name: TorchTensor(value) for name, value in values.items()}


def _version(torch) -> tuple[int, ...]:
    """Major and minor version; what cannot be read counts as none."""
    found = re.match(r"(\d+)\.(\d+)", str(getattr(torch, "__version__", "")))
    return (int(found[1]), int(found[2])) if found else ()


def _shown_version() -> str:
    return ".".join(map(str, _OLDEST))


def _require_stored(path):
    """Refuses an archive with compressed entries: PyTorch writes none, and a small one may unpack to any size."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                packed = [entry for entry in archive.infolist() if entry.compress_type != zipfile.ZIP_STORED]
            if packed:
                raise ValueError(f"{shown(packed[0].filename)} is compressed, which PyTorch does not do")
    except Exception as error:  # zipfile raises whatever a damaged archive leads it to
        raise DamagedFile(path, error) from None

"""What a model computes on the way to its next token: as arrays, in a notebook, and as one file for a browser."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tf_gpt2.inspection.inspection import Inspection

__all__ = ["Inspection"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from tf_gpt2.inspection.inspection import Inspection

    return Inspection

"""Exports of a trained model: to the browser, to servers and to other programs.

    >>> from tf_gpt2.export import write_site
    >>> write_site("runs/demo", "site")

Imports tf_gpt2, never the reverse. Each function is imported when it is first touched, TensorFlow with it or later.
"""

import importlib
from typing import Any

# function: the module it lives in
_HOMES = {
    "write_site": ".browser.site",
    "write_bundle": ".browser.bundle",
    "write_savedmodel": ".serving.saved_model",
    "write_huggingface": ".formats.hugging_face",
    "write_openai": ".formats.openai",
    "write_keras_hub": ".formats.keras_hub",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

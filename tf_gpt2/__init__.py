"""Trains a Keras GPT-2 on novels, writes with it, and puts it on a page.

import tf_gpt2

tf_gpt2.train_model("novels/", "runs/mine", minutes=30)
print(tf_gpt2.evaluate_model("runs/mine", "other.txt")["nats_per_character"])
model = tf_gpt2.load("runs/mine")
print(model.generate("却说曹操", max_new_tokens=200))
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tf_gpt2.evaluation.corpus_loss import evaluate_model
    from tf_gpt2.generation.writer import TextGenerator, load
    from tf_gpt2.inspection.inspection import Inspection
    from tf_gpt2.training.run import TrainingResult, train_model

__version__ = "0.1.0"
__all__ = ["Inspection", "TextGenerator", "TrainingResult", "__version__", "evaluate_model", "load", "train_model"]

# TensorFlow is imported when it is needed, not before: each name is looked up when it is first touched.
_HOMES = {
    "Inspection": "tf_gpt2.inspection.inspection",
    "TextGenerator": "tf_gpt2.generation",
    "TrainingResult": "tf_gpt2.training.run",
    "evaluate_model": "tf_gpt2.evaluation.corpus_loss",
    "load": "tf_gpt2.generation",
    "train_model": "tf_gpt2.training.run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)

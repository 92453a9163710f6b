"""Writing text with a trained model. TensorFlow is imported when `TextGenerator` or `load` is first touched."""

from tf_gpt2.generation.settings import GenerationSettings

__all__ = ["GenerationSettings", "Passage", "TextGenerator", "load"]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from tf_gpt2 import runtime

    runtime.load_tensorflow()
    from tf_gpt2.generation import writer

    return getattr(writer, name)

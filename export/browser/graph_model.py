"""A standard TensorFlow.js GraphModel of the whole forward pass, without cache."""

import os
import sys
import tempfile
import types

from tf_gpt2.errors import UserError
from tf_gpt2.files import replacing_folder
from tf_gpt2.model_directory import load_model


def write_graph_model(run_dir: str | os.PathLike, output: str | os.PathLike) -> None:
    """Converts a model directory: input `token_ids` [1, T] int32, output `logits` [1, T, V] float32.

    Raises:
        UserError: The model cannot be read, tensorflowjs is not installed, or the folder cannot be written.
    """
    import_tensorflowjs()
    import tensorflow as tf
    from tensorflowjs.converters import tf_saved_model_conversion_v2 as conversion

    model, _ = load_model(run_dir)

    @tf.function(input_signature=[tf.TensorSpec((1, None), tf.int32, name="token_ids")])
    def serve(token_ids):
        return {"logits": model(token_ids, training=False)}

    module = tf.Module()
    module.model, module.serve = model, serve
    # What a killed process leaves there goes with the next export, whatever the system does about /tmp.
    with replacing_folder(output) as folder, tempfile.TemporaryDirectory(dir=folder) as saved:
        tf.saved_model.save(module, saved, signatures={"serving_default": serve})
        conversion.convert_tf_saved_model(saved, str(folder))


def import_tensorflowjs() -> types.ModuleType:
    """The tensorflowjs package, whose import takes ten seconds and pulls in jax and flax.

    Raises:
        UserError: It is not installed.
    """
    from tf_gpt2 import runtime

    runtime.load_tensorflow()
    # Importing the decision forests, which GPT-2 has none of, prints an advertisement, and fails where stdout is no
    # file (a notebook, a test).
    forests = "tensorflow_decision_forests"
    sys.modules.setdefault(forests, types.ModuleType(forests))
    try:
        import tensorflowjs
    except ImportError as error:
        raise UserError(
            f"a GraphModel needs the package tensorflowjs ({error}); install the extra: pip install 'tf-gpt2[tfjs]'"
        ) from None
    return tensorflowjs

"""A standard TensorFlow.js GraphModel of the whole forward pass, without cache."""

import pathlib
import tempfile

from tf_gpt2.model_directory import load_model

from .bundle import import_tensorflowjs


def write_graph_model(run_dir, output) -> None:
    """Converts a model directory: input `token_ids` [1, T] int32, output `logits` [1, T, V] float32.

    Raises:
        UserError: The model cannot be read or tensorflowjs is not installed.
    """
    import_tensorflowjs()
    import tensorflow as tf
    from tensorflowjs.converters import tf_saved_model_conversion_v2 as conversion

    model, _ = load_model(run_dir)
    pathlib.Path(output).mkdir(parents=True, exist_ok=True)

    @tf.function(input_signature=[tf.TensorSpec((1, None), tf.int32, name="token_ids")])
    def serve(token_ids):
        return {"logits": model(token_ids, training=False)}

    module = tf.Module()
    module.model, module.serve = model, serve
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": serve})
        conversion.convert_tf_saved_model(folder, str(output))

"""What TF Serving reads beside the SavedModel: warm-up requests, the batching parameters and the list of models."""

import pathlib

from tf_gpt2.errors import UserError
from tf_gpt2.files import write_atomically

from .limits import DTYPES, Limits

MODELS_FILE = "models.config"
BATCHING_FILE = "batching_parameters.txt"
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
PROMPT = "却说 Once"
WARMUP_TOKENS = 4
BATCH_TIMEOUT_MICROS = 10_000  # a fifth of what one token takes: hardly felt, and enough to meet others
WAITING_BATCHES = 100


def write_server_files(folder: pathlib.Path, name: str, limits: Limits, xla: bool) -> None:
    """Writes `models.config` and `batching_parameters.txt` into the folder that holds the versions of a model.

    Args:
        folder: The model's folder; in TF Serving's container it is /models/`name`.
        name: The model's name.
        limits: What a request may ask for.
        xla: Whether the model is compiled for each batch size, so that few sizes should occur.
    """
    models = f"""\
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
  }}
}}
"""
    sizes = batch_sizes(limits) if xla else ()
    batching = f"""\
max_batch_size {{ value: {limits.max_batch_size} }}
batch_timeout_micros {{ value: {BATCH_TIMEOUT_MICROS} }}
max_enqueued_batches {{ value: {WAITING_BATCHES} }}
num_batch_threads {{ value: 1 }}
""" + "".join(f"allowed_batch_sizes: {size}\n" for size in sizes)
    write_atomically(folder / MODELS_FILE, models.encode())
    write_atomically(folder / BATCHING_FILE, batching.encode())


def batch_sizes(limits: Limits) -> list[int]:
    """Powers of two up to the largest batch, and that one."""
    powers = [1 << power for power in range(limits.max_batch_size.bit_length())]
    return sorted({size for size in powers if size < limits.max_batch_size} | {limits.max_batch_size})


def write_warmup(folder: pathlib.Path, name: str, limits: Limits, xla: bool) -> None:
    """Writes the requests that TF Serving answers for itself before it says that a version is ready.

    Raises:
        UserError: tensorflow-serving-api is not installed.
    """
    import tensorflow as tf

    log = _prediction_log()
    path = folder / WARMUP_FILE
    path.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature, inputs in _requests(limits, xla):
            record = log.PredictionLog()
            request = record.predict_log.request
            request.model_spec.name, request.model_spec.signature_name = name, signature
            for key, value in inputs.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
            file.write(record.SerializeToString())


def _requests(limits, xla):
    """Every signature once; writing with one row and with many, and where it is compiled with every number."""
    import tensorflow as tf

    settings = {name: value.numpy() for name, value in limits.defaults().items()}
    settings["max_new_tokens"] = tf.constant([min(WARMUP_TOKENS, limits.max_new_tokens)])
    for rows in batch_sizes(limits) if xla else sorted({1, limits.max_batch_size}):
        repeated = {name: tf.repeat(tf.cast(settings[name], dtype), rows) for name, dtype in DTYPES.items()}
        yield "serving_default", {"prompt": tf.constant([PROMPT] * rows), **repeated}
    for signature, key in (("next_token", "prompt"), ("score", "text"), ("tokenize", "text")):
        yield signature, {key: tf.constant([PROMPT])}
    yield "detokenize", {"tokens": tf.constant([[0, 1]])}


def _prediction_log():
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ImportError:
        raise UserError(
            "the warm-up requests need tensorflow-serving-api, which is not installed; run pip install "
            "tensorflow-serving-api==2.19.0"
        ) from None
    return prediction_log_pb2

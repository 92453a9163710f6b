"""TF Serving's gRPC protocol on this machine, for tests: loads a SavedModel and passes tensors through.

    python tests/serving_loopback.py MODEL_FOLDER [BATCHING_PARAMETERS]

MODEL_FOLDER holds versions, of which the highest is served. With batching parameters, concurrent requests of one
signature are joined along their first axis, as TF Serving's BatchingSession does: a batch starts when it is full or
when its first request has waited batch_timeout_micros, and num_batch_threads of them run at a time. Nothing of ours
is imported. Prints the port it chose on the loopback interface.
"""

import concurrent.futures
import pathlib
import queue
import re
import sys
import threading
import time

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

CODES = {
    tf.errors.InvalidArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
    tf.errors.ResourceExhaustedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class SavedModel:
    """Signatures of a SavedModel on NumPy arrays, with the defaults of inputs that are left out."""

    def __init__(self, folder):
        self._model = tf.saved_model.load(str(folder))
        proto = saved_model_pb2.SavedModel.FromString((pathlib.Path(folder) / "saved_model.pb").read_bytes())
        self._definitions = next(g.signature_def for g in proto.meta_graphs if "serve" in g.meta_info_def.tags)

    def complete(self, signature, inputs):
        """The inputs with those that the signature has defaults for; fails as TF Serving does."""
        if signature not in self._definitions:
            raise tf.errors.InvalidArgumentError(None, None, f"Serving signature key {signature!r} not found.")
        definition = self._definitions[signature]
        missing = set(definition.inputs) - set(inputs)
        if unknown := (set(inputs) - set(definition.inputs)) | (missing - set(definition.defaults)):
            raise tf.errors.InvalidArgumentError(None, None, f"wrong or missing inputs: {sorted(unknown)}")
        return {**inputs, **{name: tf.make_ndarray(definition.defaults[name]) for name in missing}}

    def run(self, signature, inputs):
        function = self._model.signatures[signature]
        dtypes = {name: spec.dtype for name, spec in function.structured_input_signature[1].items()}
        answer = function(**{name: tf.constant(array, dtypes[name]) for name, array in inputs.items()})
        return {name: tensor.numpy() for name, tensor in answer.items()}


class Batcher:
    """Joins concurrent requests of one signature."""

    def __init__(self, model, parameters):
        values = dict(re.findall(r"(\w+) \{ value: (\d+) \}", parameters))
        self._rows = int(values["max_batch_size"])
        self._timeout = int(values["batch_timeout_micros"]) / 1e6
        self._model, self._queues, self._lock = model, {}, threading.Lock()
        self._threads = threading.Semaphore(int(values["num_batch_threads"]))
        self.sizes = []

    def run(self, signature, inputs):
        rows = {len(array) for array in inputs.values()}
        if len(rows) != 1 or max(rows) > self._rows:
            raise tf.errors.InvalidArgumentError(
                None, None, f"inputs have {sorted(rows)} rows; at most {self._rows}"
            )
        future = concurrent.futures.Future()
        with self._lock:
            if signature not in self._queues:
                self._queues[signature] = queue.Queue()
                threading.Thread(target=self._serve, args=(signature,), daemon=True).start()
        self._queues[signature].put((inputs, rows.pop(), future))
        return future.result()

    def _serve(self, signature):
        held = None
        while True:
            batch = [held or self._queues[signature].get()]
            held, rows, end = None, batch[0][1], time.monotonic() + self._timeout
            while rows < self._rows and held is None:
                try:
                    request = self._queues[signature].get(timeout=max(0, end - time.monotonic()))
                except queue.Empty:
                    break
                if rows + request[1] > self._rows:
                    held = request
                else:
                    batch, rows = [*batch, request], rows + request[1]
            with self._threads:
                self._run(signature, batch)

    def _run(self, signature, batch):
        self.sizes.append(sum(rows for _, rows, _ in batch))
        try:
            joined = {name: np.concatenate([inputs[name] for inputs, _, _ in batch]) for name in batch[0][0]}
            answer, start = self._model.run(signature, joined), 0
            for _, rows, future in batch:
                future.set_result({name: array[start : start + rows] for name, array in answer.items()})
                start += rows
        except Exception as error:
            for _, _, future in batch:
                future.set_exception(error)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict alone; any name of a model is this one."""

    def __init__(self, model, batcher=None):
        self._model, self._runner = model, batcher or model

    def Predict(self, request, context):  # noqa: N802
        try:
            signature = request.model_spec.signature_name or "serving_default"
            inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
            answer = self._runner.run(signature, self._model.complete(signature, inputs))
        except tf.errors.OpError as error:
            context.abort(CODES.get(type(error), grpc.StatusCode.INTERNAL), error.message)
        response = predict_pb2.PredictResponse(model_spec=request.model_spec)
        for name, array in answer.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
        return response


def serve(folder, parameters=None):
    """Starts a server; returns it, its port and its batcher."""
    versions = sorted((p for p in pathlib.Path(folder).iterdir() if p.name.isdigit()), key=lambda p: int(p.name))
    model = SavedModel(versions[-1])
    batcher = Batcher(model, pathlib.Path(parameters).read_text()) if parameters else None
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(model, batcher), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port, batcher


if __name__ == "__main__":
    running, chosen, _ = serve(*sys.argv[1:])
    print(chosen, flush=True)
    sys.stdin.read()  # until the parent closes it
    running.stop(None)

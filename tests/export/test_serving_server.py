"""Over TF Serving's own gRPC protocol: the README's client, concurrent clients in one batch, warm-up requests."""

import concurrent.futures
import re
import subprocess
import sys

import grpc
import pytest
import serving_loopback
import tensorflow as tf
from commands import ROOT
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc

from tf_gpt2.generation import GenerationSettings, load

README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = 4  # of a batch at most


@pytest.fixture(scope="module")
def served(served_model):
    server, port, batcher = serving_loopback.serve(
        served_model.parent, served_model.parent / "batching_parameters.txt"
    )
    yield port, batcher
    server.stop(None)


def _service(port):
    return prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(f"127.0.0.1:{port}"))


def _request(prompts, **settings):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "demo"
    request.inputs["prompt"].CopyFrom(tf.make_tensor_proto(prompts))
    for name, (value, dtype) in settings.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto([value] * len(prompts), dtype))
    return request


def _expected(model, prompt, **settings):
    return next(model.write([prompt], GenerationSettings(**settings))).text


def test_the_readmes_client(served, served_run_dir):
    block = re.search(r"(?:^    .*\n|^\n)*^    import grpc\n(?:^    .*\n|^\n)*", README, re.MULTILINE)[0]
    code = re.sub("^    ", "", block, flags=re.MULTILINE)
    assert "localhost:8500" in code
    code = code.replace("localhost:8500", f"127.0.0.1:{served[0]}")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    settings = {"seed": 1, "max_new_tokens": 40, "temperature": 0.8}
    assert all(re.search(rf'"{name}".*\b{value}\b', code) for name, value in settings.items())
    text = _expected(load(served_run_dir), "却说曹操", **settings)
    assert result.stdout == "却说曹操" + text + "\n"


def test_concurrent_clients_share_batches_and_get_their_own_texts(served, served_run_dir):
    port, batcher = served
    model, service = load(served_run_dir), _service(port)
    prompts = ["却说", "", "天下大势" * 9, "a b", "兵", "操", "引", "却"]

    def ask(row):
        request = _request([prompts[row]], seed=(row, tf.int64), max_new_tokens=(30 + row, tf.int32))
        return service.Predict(request, timeout=240).outputs["text"].string_val[0].decode()

    with concurrent.futures.ThreadPoolExecutor(len(prompts)) as pool:
        answers = list(pool.map(ask, range(len(prompts))))
    assert answers == [_expected(model, p, seed=i, max_new_tokens=30 + i) for i, p in enumerate(prompts)]
    assert max(batcher.sizes) > 1


def test_a_wrong_request_is_answered_and_the_server_lives(served):
    port, _ = served
    with pytest.raises(grpc.RpcError) as caught:
        _service(port).Predict(_request(["x"], max_new_tokens=(10**9, tf.int32)), timeout=240)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "max_new_tokens must be an integer from 1 to 120; received 1000000000" in caught.value.details()
    answer = _service(port).Predict(_request(["却"], max_new_tokens=(2, tf.int32)), timeout=240)
    assert len(answer.outputs["tokens"].int_val) <= 2


def test_the_warmup_file_replays(served_model):
    """As TF Serving does it: each record of the TFRecord file is a PredictionLog whose request must be answered."""
    model = serving_loopback.SavedModel(served_model)
    path = served_model / "assets.extra" / "tf_serving_warmup_requests"
    logs = [prediction_log_pb2.PredictionLog.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(path))]
    seen = []
    for log in logs:
        request = log.predict_log.request
        assert request.model_spec.name == "demo"
        signature = request.model_spec.signature_name
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        answer = model.run(signature, model.complete(signature, inputs))
        assert all(len(array) == len(next(iter(inputs.values()))) for array in answer.values())
        seen.append((signature, len(next(iter(inputs.values())))))
    assert seen == [("serving_default", 1), ("serving_default", ROWS), ("next_token", 1), ("score", 1),
                    ("tokenize", 1), ("detokenize", 1)]  # fmt: skip

import json

import tensorflow as tf

from tf_gpt2.run_directory import read_metrics
from tf_gpt2.training.metrics import MetricsLog


def test_lines_after_the_resumed_step_are_dropped_and_a_half_line_too(tmp_path):
    log = MetricsLog(tmp_path)
    for step in (10, 20, 30):
        log.write(step, "train", loss=1.0 / step)
    log.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 40, "sp')
    log = MetricsLog(tmp_path, resumed_step=20)
    log.write(30, "validation", loss=0.5)
    log.close()
    assert [(line.step, line.split) for line in read_metrics(tmp_path).lines] == [
        (10, "train"),
        (20, "train"),
        (30, "validation"),
    ]
    assert read_metrics(tmp_path).lines[2].loss == 0.5


def test_tensorboard_files_hold_the_figures(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = MetricsLog(tmp_path)
    log.write(7, "train", loss=2.5, learning_rate=0.1)
    log.write_text(7, "sample", "却说\n# 曹操")
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"tensors": 0}).Reload()
    assert set(events.Tags()["tensors"]) == {"train/loss", "train/learning_rate", "sample"}
    (text,) = events.Tensors("sample")
    assert tf.make_ndarray(text.tensor_proto).item().decode() == "    却说\n    # 曹操"
    (event,) = events.Tensors("train/loss")
    assert event.step == 7
    assert float(tf.make_ndarray(event.tensor_proto)) == 2.5


def test_a_damaged_line_in_the_middle_does_not_take_those_after_it(tmp_path):
    log = MetricsLog(tmp_path)
    log.write(10, "train", loss=3.0, tokens_per_s=5.0)
    log.close()
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'\xff\x00{"step": 15\n{"step": 20, "split": "validation", "loss": 2.5}\n')
    MetricsLog(tmp_path, resumed_step=20).close()
    text = (tmp_path / "metrics.jsonl").read_text()
    assert [line["step"] for line in map(json.loads, text.splitlines())] == [10, 20]
    assert '"tokens_per_s": 5.0' in text


def test_what_is_not_finite_is_not_recorded(tmp_path, caplog):
    log = MetricsLog(tmp_path)
    log.write(1, "validation", loss=float("nan"))
    log.write(2, "train", loss=1.0, tokens_per_s=float("inf"))
    log.close()
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 2, "split": "train", "loss": 1.0}\n'
    assert "validation loss at step 1 is nan" in caplog.text

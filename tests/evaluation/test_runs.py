"""The curves of a run, and runs listed and compared: whatever state their directories are in."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from commands import error_line, run
from PIL import Image

from tf_gpt2.evaluation.canvas import Line
from tf_gpt2.evaluation.curves import loss_chart, write_curves
from tf_gpt2.evaluation.runs import find_runs, run_facts, sorted_runs
from tf_gpt2.formats.training_checkpoint import write_checkpoint
from tf_gpt2.run_directory import CURVE_PAGE, Metrics, checkpoint_path, read_metrics
from tf_gpt2.schemas import MetricsLine
from tf_gpt2.training.lock import RunLock

TRAINING = {
    "model": {
        **{"vocabulary_size": 50, "context_length": 8, "num_layers": 1, "num_heads": 2, "hidden_dim": 4},
        **{"intermediate_dim": 16, "dropout": 0.0, "layer_norm_epsilon": 1e-5, "tie_embeddings": True},
    },
    "training": {"steps": 40, "batch_size": 2},
    "corpus": {"train_tokens": 1000},
}
LINES = [
    {"step": 20, "split": "train", "loss": 6.0, "tokens_per_s": 16.0},
    {"step": 20, "split": "validation", "loss": 5.0, "copied_share": 0.25},
    {"step": 40, "split": "train", "loss": 4.0, "tokens_per_s": 32.0},
    {"step": 40, "split": "validation", "loss": 5.5, "copied_share": 0.5},
    {"step": 40, "split": "test", "loss": 5.25},
]


def make_run(folder, lines=LINES, training=TRAINING, checkpoint=True):
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "training.json").write_text(json.dumps(training))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if checkpoint:
        path = checkpoint_path(folder / "checkpoints", 20)
        write_checkpoint(path, {"a": np.zeros(100, np.float32)}, {"step": "20", "state": "{}"})
    return folder


def test_what_a_run_came_to(tmp_path):
    facts = run_facts(make_run(tmp_path / "mine"))
    assert (facts.state, facts.steps, facts.planned_steps, facts.tokens) == ("finished", 40, 40, 40 * 2 * 8)
    assert facts.seconds == 20 * 16 / 16 + 20 * 16 / 32
    assert (facts.validation_loss, facts.test_loss, facts.copied_share) == (5.0, 5.25, 0.25)
    assert facts.parameters == (50 + 8) * 4 + (4 * 16 + 2 * 64 + 9 * 4 + 16) + 8


def test_states(tmp_path):
    finished, stopped = make_run(tmp_path / "finished"), make_run(tmp_path / "stopped", LINES[:2])
    early = make_run(tmp_path / "early", [*LINES[:2], {"step": 20, "split": "early_end", "loss": 5.0}])
    assert [run_facts(folder).state for folder in (finished, stopped, early)] == ["finished", "stopped", "finished"]
    with RunLock(stopped):
        assert run_facts(stopped).state == "running"
    assert run_facts(stopped).state == "stopped"


def _cut_checkpoint(folder):
    os.truncate(checkpoint_path(folder / "checkpoints", 20), 300)


@pytest.mark.parametrize(
    "damage",
    [
        _cut_checkpoint,
        lambda folder: (folder / "training.json").write_text("{"),
        lambda folder: (folder / "training.json").unlink(),
        lambda folder: shutil.rmtree(folder / "checkpoints"),
        lambda folder: (folder / "training.json").write_text('{"training": {"steps": "many"}}'),
    ],
)
def test_a_damaged_run_is_listed_as_such(tmp_path, damage):
    folder = make_run(tmp_path / "run")
    damage(folder)
    facts = run_facts(folder)
    assert facts.state == "damaged" and facts.validation_loss == 5.0


def test_bytes_of_any_kind_are_no_traceback(tmp_path):
    folder = make_run(tmp_path / "run", checkpoint=False)
    for name in ("training.json", "metrics.jsonl", "config.json", "model.safetensors"):
        (folder / name).write_bytes(b"\xff\x00{[" * 99)
    assert run_facts(folder).state == "damaged"


def test_runs_are_found_below_folders_and_the_best_comes_first(tmp_path):
    worse = make_run(tmp_path / "a" / "worse", [{**LINES[1], "loss": 7.0}])
    best, none = make_run(tmp_path / "b"), make_run(tmp_path / "c", [])
    (tmp_path / "d").mkdir()
    (tmp_path / "e").symlink_to(best)
    found = find_runs([tmp_path, best])
    assert sorted(found) == sorted([worse, best, none])
    assert [facts.run_dir for facts in sorted_runs(map(run_facts, found))] == [best, worse, none]


def _metrics(losses, split="train"):
    return Metrics(tuple(MetricsLine(step=step, split=split, loss=loss) for step, loss in losses.items()))


def _curve(chart, width):
    (line,) = [s for s in chart._shapes if isinstance(s, Line) and s.width == width and len(s.points) > 2]
    return line.points


def test_curves_go_where_the_losses_go():
    points = _curve(loss_chart({"a": _metrics({10: 9.0, 500: 4.0, 750: 3.0, 1000: 2.0})}), 1)
    xs, ys = zip(*points, strict=True)
    steps = np.array([10, 500, 750, 1000])
    np.testing.assert_allclose(np.diff(xs), np.diff(steps) * (xs[-1] - xs[0]) / 990)
    assert ys[0] == ys[1] < ys[2] < ys[3]  # the fall from 9 is cut off
    assert ys[2] - ys[1] == pytest.approx(ys[3] - ys[2])


def test_a_long_run_is_drawn_by_means():
    losses = {step: 5.0 + step % 2 for step in range(1, 10_001)}
    points = _curve(loss_chart({"a": _metrics(losses)}), 1)
    assert len(points) <= 400
    middle = {round(y) for _, y in points[1:-1]}
    assert len(middle) <= 2  # the mean of 5 and 6, whatever the neighbours


@pytest.mark.parametrize("lines", [[], LINES[:1], LINES])
def test_a_run_gets_a_page_that_needs_nothing_else_and_a_picture(tmp_path, lines):
    folder = make_run(tmp_path / "run <b>", [*lines, {"step": 41, "split": "rollback", "loss": 4.0}])
    write_curves(folder)
    text = (folder / "loss.html").read_text("utf-8")
    assert "<b>" not in text and "run &lt;b&gt;" in text and not re.search(r"(src|href)=", text)
    assert "At step 40 the run went back" in text
    assert Image.open(folder / "loss.png").size[0] > 1000
    if lines == LINES:
        assert "5.0000 at step 20" in text and "5.2500" in text


def test_the_command_lists_draws_and_gives_json(tmp_path):
    make_run(tmp_path / "mine")
    make_run(tmp_path / "other", LINES[:2])
    code, output, errors = run("tf_gpt2.runs", tmp_path, "--output", tmp_path / "all.html")
    assert code == 0, errors
    header, first, second = output.splitlines()
    names = ["name", "state", "parameters", "steps", "tokens", "time", "validation", "test", "copied"]
    assert header.split() == names
    assert first.split()[1:] == ["finished", "484", "40", "640", "0:30", "5.0000", "5.2500", "25.0", "%"]
    assert second.split()[1:5] == ["stopped", "484", "20/40", "320"]
    assert (tmp_path / "all.html").read_text("utf-8").count("<polyline") >= 4
    code, output, _ = run("tf_gpt2.runs", f"--run_dir={tmp_path / 'mine'},{tmp_path / 'other'}", "--json")
    assert code == 0
    assert [json.loads(line)["state"] for line in output.splitlines()] == ["finished", "stopped"]
    assert read_metrics(tmp_path / "mine").best_step == 20


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["missing"], "--run_dir must be a folder with runs; missing is none"),
        (["."], "--run_dir must hold runs; . has none"),
        ([".", "--output=curves.pdf"], "--output must end in .html or .png"),
    ],
)
def test_mistakes_are_one_line(tmp_path, flags, said):
    assert said in error_line("tf_gpt2.runs", *flags, cwd=tmp_path)


def test_a_run_whose_average_was_kept_says_so(tmp_path):
    for name, average in (("weights", 3.5), ("average", 2.5)):
        folder = tmp_path / name
        folder.mkdir()
        beside = {"weights_loss": 3.0, "average_loss": average}
        line = {"step": 20, "split": "validation", "loss": min(3.0, average), **beside}
        (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
        metrics = read_metrics(folder)
        assert (metrics.best_validation_loss, metrics.best_is_average) == (min(3.0, average), name == "average")
        write_curves(folder)
        assert ("the average of the weights" in (folder / CURVE_PAGE).read_text("utf-8")) == (name == "average")

import functools
import json
from types import SimpleNamespace

import pytest

from tf_gpt2 import files
from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.run_directory import read_training
from tf_gpt2.training.distributed.team import Team
from tf_gpt2.training.options import TrainingOptions
from tf_gpt2.training.plan import plan_recipe
from tf_gpt2.training.resuming import open_run_directory, refuse_what_is_no_run
from tf_gpt2.training.run import preflight, train_model
from tf_gpt2.training.setup import Setup, _titles

RUN = {"model": {"num_layers": 2}, "training": {"steps": 100}}


def _start(run_dir, run=RUN):
    (run_dir / "checkpoints").mkdir(parents=True)
    (run_dir / "checkpoints" / "step-00000010.safetensors").touch()
    (run_dir / "training.json").write_text(json.dumps(run))
    return run_dir


def test_a_fresh_directory_records_the_configuration(tmp_path):
    assert open_run_directory(tmp_path / "run", lambda stored: RUN, resume=True).configuration == RUN
    assert json.loads((tmp_path / "run" / "training.json").read_text()) == RUN


@pytest.mark.parametrize("title", ["三" * 200, "\x01\\" * 100, "😀"])
def test_what_is_written_of_many_titles_can_be_read(tmp_path, title):
    books = [SimpleNamespace(title=title)] * 900_000
    titles = _titles(SimpleNamespace(report=SimpleNamespace(books=books)))
    run = {**RUN, "corpus": {"books": titles}}
    open_run_directory(tmp_path, lambda stored: run, resume=True)
    assert read_training(tmp_path) == run
    assert len(titles) > 10_000 and (tmp_path / "training.json").stat().st_size < 0.9 * files.LARGEST_JSON


def test_the_same_run_goes_on_and_sees_what_was_stored(tmp_path):
    seen = []
    open_run_directory(_start(tmp_path), lambda stored: seen.append(stored) or RUN, resume=True)
    assert seen == [RUN]


def test_another_configuration_is_refused_and_nothing_is_overwritten(tmp_path):
    run_dir = _start(tmp_path)
    other = {"model": {"num_layers": 3}, "training": {"steps": 100}}
    with pytest.raises(UserError, match="`num_layers` is 2 there and 3 here"):
        open_run_directory(run_dir, lambda stored: other, resume=True)
    assert json.loads((run_dir / "training.json").read_text()) == RUN


def test_how_a_run_is_another_one_is_said_in_the_users_words(tmp_path):
    corpus = {"prepared": "6a" * 16, "books": ["one"], "train_tokens": 85395}
    run_dir = _start(tmp_path, {**RUN, "model": {"num_layers": 2, "vocabulary_size": 318}, "corpus": corpus})
    other = {"prepared": "93" * 16, "books": ["one"], "train_tokens": 26720}

    def refused(corpus):
        wanted = {**RUN, "model": {"num_layers": 2, "vocabulary_size": 2000}, "corpus": corpus}
        with pytest.raises(UserError) as caught:
            open_run_directory(run_dir, lambda stored: wanted, resume=True)
        return str(caught.value)

    assert "(its texts, or how they are read and cut into tokens and held out, are not these); choose" in refused(
        other
    )
    assert "(its texts are ['one'] there and ['one', 'two'] here); choose" in refused(
        {**other, "books": ["one", "two"]}
    )
    assert "(model.vocabulary_size is 318 there and 2000 here); choose" in refused(corpus)


def test_another_length_is_the_same_run(tmp_path):
    longer = {**RUN, "training": {"steps": 200, "minutes": 3.0, "changed_at": 10, "changed_from": 1e-4}}
    assert open_run_directory(_start(tmp_path), lambda stored: longer, resume=True).configuration == longer


def test_a_directory_that_never_got_to_a_checkpoint_may_change(tmp_path):
    (tmp_path / "training.json").write_text(json.dumps(RUN))
    other = {"model": {"num_layers": 3}, "training": {"steps": 5}}
    assert open_run_directory(tmp_path, lambda stored: other, resume=True).configuration == other


def test_noresume_does_not_touch_a_run(tmp_path):
    with pytest.raises(UserError, match="`resume`=False"):
        open_run_directory(_start(tmp_path), lambda stored: RUN, resume=False)


def test_a_model_from_elsewhere_is_not_overwritten(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds another model"):
        open_run_directory(tmp_path, lambda stored: RUN, resume=True)


def test_nothing_is_written_beside_a_model_from_elsewhere(tmp_path):
    model, text = tmp_path / "model", tmp_path / "text.txt"
    model.mkdir()
    (model / "config.json").write_text("{}")
    text.write_text("却说曹操")
    with pytest.raises(UserError, match="holds another model"):
        train_model(text, model)
    assert [path.name for path in model.iterdir()] == ["config.json"]


def test_a_file_in_the_way_is_a_clear_line(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(UserError, match="is a file"):
        open_run_directory(tmp_path / "run", lambda stored: RUN, resume=True)


@pytest.mark.parametrize("effort", ["quick", "thorough"])
def test_a_folder_of_other_things_is_refused_before_a_text_is_read(tmp_path, effort):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a letter.txt").write_text("却说曹操")
    (docs / "letters").mkdir()
    with pytest.raises(UserError, match="must be new, empty or a run .* holds 'a letter.txt' and more") as caught:
        train_model(tmp_path / "no such novel.txt", docs, effort=effort)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="must be new, empty or a run"):
        preflight(tmp_path / "no such novel.txt", docs, effort=effort)
    assert sorted(path.name for path in docs.iterdir()) == ["a letter.txt", "letters"]


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [".DS_Store", "log.txt", "nohup.out", "slurm-17.out", "train_log.txt", "train.LOG"],
        ["checkpoints/.lock", "notes.txt"],  # killed before anything was written
        ["chain.json", "notes.txt"],
        ["training.json", "notes.txt"],
        ["tensorboard/events"],
    ],
)
def test_a_directory_that_a_run_may_begin_or_go_on_in(tmp_path, entries):
    for entry in entries:
        (tmp_path / entry).parent.mkdir(exist_ok=True)
        (tmp_path / entry).touch()
    refuse_what_is_no_run(tmp_path)


@pytest.mark.parametrize("effort", ["quick", "thorough"])
def test_a_run_among_the_texts_is_refused(tmp_path, effort):
    (tmp_path / "novel.txt").write_text("却说曹操")
    for corpus in (tmp_path, [tmp_path / "novel.txt", f"{tmp_path}/"]):
        with pytest.raises(UserError, match="`run_dir` must not be the folder of the texts"):
            train_model(corpus, tmp_path, effort=effort)
    assert [path.name for path in tmp_path.iterdir()] == ["novel.txt"]


def _in(environment):
    return {**RUN, "environment": environment}


def test_another_environment_is_told_and_goes_on(tmp_path):
    run_dir = _start(tmp_path)
    old = {"tensorflow": "2.19.0", "xla_flags": "--a", "device": "CPU"}
    (run_dir / "training.json").write_text(json.dumps(_in(old)))
    assert open_run_directory(run_dir, lambda stored: _in(old), resume=True).environment_changes == ()
    new = {**old, "tensorflow": "2.21.0", "device": "GPU"}
    opened = open_run_directory(run_dir, lambda stored: _in(new), resume=True)
    assert opened.environment_changes == (
        "environment.tensorflow is '2.19.0' there and '2.21.0' here",
        "environment.device is 'CPU' there and 'GPU' here",
    )
    assert json.loads((run_dir / "training.json").read_text()) == _in(new)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "must hold a JSON object"),
        ('{"training": {"steps": "100"}}', r"training\.steps must be a valid integer; received '100'"),
        ('{"training": {"steps": null}}', r"training\.steps must not be null"),
        ('{"training": {"steps": true}}', r"training\.steps must be"),
        ('{"training": {"learning_rate": NaN}}', r"training\.learning_rate must be a finite number"),
        ('{"training": {"seed": ' + "1" * 4000 + "}}", None),
        ('{"corpus": {"books": ["' + "x" * 5000 + '", 1]}}', r"corpus\.books\.1 must be"),
        ('{"model": 1}', "model must be"),
        ('{"corpus": {"prepared": "../../etc"}}', r"corpus\.prepared"),
    ],
)
def test_a_damaged_configuration_is_refused_in_one_line(tmp_path, content, complaint):
    run_dir = _start(tmp_path)
    (run_dir / "training.json").write_text(content)
    with pytest.raises(UserError, match=complaint) as caught:
        open_run_directory(run_dir, lambda stored: RUN, resume=True)
    assert "\n" not in str(caught.value) and len(str(caught.value)) <= 500
    assert "`run_dir`" in str(caught.value)
    assert (run_dir / "training.json").read_text() == content


def test_what_killed_processes_left_is_swept(tmp_path):
    run_dir = _start(tmp_path)
    (run_dir / "samples").mkdir()
    for folder in (run_dir, run_dir / "checkpoints", run_dir / "samples"):
        (folder / ".tf_gpt2-killed").mkdir()
        (folder / ".tf_gpt2-killed" / "new").write_text("half")
        (folder / ".tf_gpt2-killed" / "lock").touch()
    open_run_directory(run_dir, lambda stored: RUN, resume=True)
    assert not list(run_dir.rglob(".tf_gpt2-*"))


def test_a_run_that_goes_on_has_the_teachers_it_had(tmp_path):
    """A run from before there were teachers had none."""
    taught = {**RUN, "distillation": {"teachers": ["0123456789abcdef"]}}
    with pytest.raises(UserError, match="the models of `distill_from` are not these"):
        open_run_directory(_start(tmp_path), lambda stored: taught, resume=True)
    alone = {**RUN, "distillation": {"teachers": []}}
    assert open_run_directory(tmp_path, lambda stored: alone, resume=True).configuration == alone
    with pytest.raises(UserError, match="the models of `distill_from` are not these"):
        open_run_directory(tmp_path, lambda stored: taught, resume=True)


def _setup(corpus, seconds_per_step, **asked):
    options = TrainingOptions(**asked)
    config = GPT2Config(50, context_length=8, num_layers=1, num_heads=1, hidden_dim=4)
    recipe = plan_recipe(options, config)
    learner = SimpleNamespace(recipe=recipe, parts=1)
    learner.follow = lambda settled: setattr(learner, "recipe", settled)
    devices = SimpleNamespace(description="a CPU", precision="float32")
    return Setup(options, corpus, devices, config, recipe, 8, learner, Team(), seconds_per_step)


def test_a_run_by_the_clock_goes_on_after_a_kill_between_its_first_model_and_its_first_checkpoint(
    tmp_path, small_corpus
):
    """The second process times other steps, and would plan another length."""
    began = _setup(small_corpus, 0.5, minutes=4.0)
    first = open_run_directory(tmp_path, functools.partial(began.settle, tmp_path), resume=True)
    (tmp_path / "config.json").touch()
    again = _setup(small_corpus, 0.25, minutes=4.0)
    assert open_run_directory(tmp_path, functools.partial(again.settle, tmp_path), resume=True) == first
    (tmp_path / "config.json").unlink()  # nothing was kept: it is another run
    anew = _setup(small_corpus, 0.25, minutes=4.0)
    other = open_run_directory(tmp_path, functools.partial(anew.settle, tmp_path), resume=True)
    assert other.configuration["training"]["steps"] == 2 * first.configuration["training"]["steps"] == 960


def test_what_the_length_and_the_beginning_settle_is_trained_with_and_recorded(tmp_path, small_corpus):
    """A run from before embeddings had a rate and a decay of their own goes on without."""

    def opened(setup):
        section = open_run_directory(tmp_path, functools.partial(setup.settle, tmp_path), resume=True).configuration
        own = [section["training"][name] for name in ("embedding_rate", "embedding_decay")]
        assert own == [setup.learner.recipe.embedding_rate, setup.learner.recipe.embedding_decay]
        return own

    assert opened(_setup(small_corpus, 0.5, steps=1)) == [2.0, 2.0]
    (tmp_path / "config.json").touch()
    stored = read_training(tmp_path)
    for name in ("embedding_rate", "embedding_decay"):
        del stored["training"][name]
    (tmp_path / "training.json").write_text(json.dumps(stored))
    assert opened(_setup(small_corpus, 0.5)) == [1.0, 1.0]

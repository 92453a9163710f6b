"""The sample command, as a user runs it."""

import csv
import json
import os
import shutil
import signal

import pytest
from commands import error_line, run, start
from conftest import random_weights

from tf_gpt2 import sample
from tf_gpt2.config import GPT2Config
from tf_gpt2.errors import UserError
from tf_gpt2.model_directory import save_model_directory
from tf_gpt2.tokenizer import Tokenizer

# What runs in this process; processes of their own compile as they do for a user.
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer.train_characters(["却说曹操引军渡河"])
    config = GPT2Config(
        vocabulary_size=tokenizer.vocab_size, context_length=16, num_layers=1, num_heads=2, hidden_dim=8
    )
    save_model_directory(folder, config, random_weights(config), tokenizer)
    return folder


def call(folder, **values):
    """Runs the command in this process; True is a switch, None leaves a flag out."""
    values = {"run_dir": folder, "max_new_tokens": 12, "seed": 1, **values}
    given = {name: value for name, value in values.items() if value is not None}
    return sample.main([f"--{name}" if value is True else f"--{name}={value}" for name, value in given.items()])


def test_stdout_is_the_text_and_streaming_prints_the_same(folder, capsys):
    assert call(folder, prompt="却说") == 0
    text = capsys.readouterr().out
    assert text.startswith("却说")
    call(folder, prompt="却说", stream=True)
    assert capsys.readouterr().out == text


def test_without_a_seed_one_is_drawn_and_shown(folder, capsys):
    call(folder, seed=None, prompt="却说")
    first = capsys.readouterr()
    seed = int(first.err.removeprefix("seed "))
    call(folder, seed=seed, prompt="却说")
    assert capsys.readouterr().out == first.out


@pytest.fixture
def greedy_folder(folder, tmp_path):
    """The same model with settings of its own: three tokens, the likeliest ones."""
    shutil.copytree(folder, tmp_path / "greedy")
    own = {"do_sample": False, "max_new_tokens": 3}
    (tmp_path / "greedy" / "generation_config.json").write_text(json.dumps(own))
    return tmp_path / "greedy"


def _passages(folder, tmp_path, **values):
    output = tmp_path / "out.jsonl"
    call(folder, prompt="却说", output=output, **values)
    return [json.loads(line) for line in output.read_text("utf-8").splitlines()]


def test_the_models_own_settings_are_obeyed_and_flags_win(greedy_folder, tmp_path):
    first, second = (_passages(greedy_folder, tmp_path, max_new_tokens=None, seed=seed)[0] for seed in (1, 2))
    assert first["num_tokens"] <= 3 and first["text"] == second["text"]
    longer = _passages(greedy_folder, tmp_path, max_new_tokens=9, min_new_tokens=9, temperature=1, num_samples=8)
    assert [passage["num_tokens"] for passage in longer] == [9] * 8
    assert len({passage["text"] for passage in longer}) > 1


def test_the_models_own_length_bounds_the_shortest_text(greedy_folder, tmp_path):
    with pytest.raises(UserError, match="--min_new_tokens must be at most --max_new_tokens; received 5 and 3"):
        call(greedy_folder, max_new_tokens=None, min_new_tokens=5)
    (greedy_folder / "generation_config.json").write_text('{"max_new_tokens": 210}')
    assert _passages(greedy_folder, tmp_path, max_new_tokens=None, min_new_tokens=205)[0]["num_tokens"] >= 205


def test_a_flag_that_the_models_own_settings_leave_without_effect_is_refused(greedy_folder):
    with pytest.raises(UserError, match="--top_k has no effect with temperature 0"):
        call(greedy_folder, top_k=5)


def test_a_cut_prompt_is_reported(folder, capsys):
    call(folder, prompt="曹操" * 20)
    assert "its first 24 tokens were left out" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["txt", "jsonl"])
def test_prompts_of_a_file_give_one_json_line_a_passage(folder, tmp_path, kind):
    prompts = ["却说", "曹操"]
    file, output = tmp_path / f"prompts.{kind}", tmp_path / "out.jsonl"
    lines = prompts if kind == "txt" else [json.dumps({"prompt": prompt}) for prompt in prompts]
    file.write_text("\ufeff" + "\n\n".join(lines) + "\n", "utf-8")
    assert call(folder, prompts_file=str(file), output=str(output), num_samples=3) == 0
    passages = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [passage["prompt"] for passage in passages] == ["却说"] * 3 + ["曹操"] * 3
    assert {passage["seed"] for passage in passages} == {1}


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", "must hold a prompt"),
        ('{"text": 1}', '"prompt"'),
        ("{", "must be JSON"),
        (None, "must be a readable UTF-8 file; [^\\[]*prompts.jsonl: No such file or directory$"),
        ("[" * 100_000, "nested too deeply"),
        ('{"prompt": "a", "n": ' + "1" * 10_000 + "}", "line 1 is not .a number has thousands of digits"),
    ],
)
def test_a_bad_prompts_file_gives_one_line(folder, tmp_path, content, rule):
    file = tmp_path / "prompts.jsonl"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UserError, match=rule):
        call(folder, prompts_file=str(file))


@pytest.mark.parametrize("kind", ["jsonl", "csv", "tsv", "JSONL"])
def test_what_stands_beside_a_prompt_is_carried_into_the_results(folder, tmp_path, kind):
    rows = [{"prompt": "却说", "label": "好", "text": "a"}, {"prompt": "曹操", "label": "坏", "text": "b,c"}]
    file, output = tmp_path / f"prompts.{kind}", tmp_path / f"out.{kind}"
    if kind.lower() == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with file.open("w", encoding="utf-8", newline="") as out:
            table = csv.DictWriter(out, list(rows[0]), delimiter="," if kind == "csv" else "\t")
            table.writeheader()
            table.writerows(rows)
    assert call(folder, prompts_file=str(file), output=str(output), num_samples=2) == 0
    with output.open(encoding="utf-8", newline="") as lines:
        if kind.lower() == "jsonl":
            written = [json.loads(line) for line in lines]
        else:
            written = list(csv.DictReader(lines, delimiter="," if kind == "csv" else "\t"))
    assert [row["label"] for row in written] == ["好", "好", "坏", "坏"]
    assert [row["prompt_text"] for row in written] == ["a", "a", "b,c", "b,c"]
    assert all(row["text"] and row["text"] not in ("a", "b,c") for row in written)


def test_the_texts_alone_go_into_a_text_file(folder, tmp_path):
    (tmp_path / "prompts.txt").write_text("却说\n曹操\n", "utf-8")
    results = {}
    for kind in ("txt", "jsonl"):
        results[kind] = tmp_path / f"out.{kind}"
        assert (
            call(folder, prompts_file=str(tmp_path / "prompts.txt"), output=str(results[kind]), num_samples=2) == 0
        )
    passages = [json.loads(line) for line in results["jsonl"].read_text("utf-8").splitlines()]
    texts = [passage["prompt"] + passage["text"] for passage in passages]
    assert results["txt"].read_text("utf-8") == "\n\n".join(texts) + "\n"


@pytest.mark.parametrize("name", ["out.json", "out.docx", "out"])
def test_an_output_of_another_form_is_refused_and_the_forms_named(folder, tmp_path, name):
    rule = r"--output must end in \.txt for the texts alone, or \.jsonl, \.ndjson, \.csv, \.tsv for all about them"
    with pytest.raises(UserError, match=rule):
        call(folder, output=str(tmp_path / name))
    assert not (tmp_path / name).exists()


def test_an_output_that_cannot_be_written_gives_one_line(folder, tmp_path):
    with pytest.raises(UserError, match="--output must be a file that can be written"):
        call(folder, output=str(tmp_path / "missing" / "out.jsonl"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
def test_a_full_device_for_the_passages_gives_one_line(folder):
    with pytest.raises(UserError, match="--output must be a file that can be written; /dev/full: No space left"):
        call(folder, output="/dev/full")


def test_the_command_line_writes_text_and_nothing_else(folder):
    flags_given = ["--prompt=却说\udcff😀", "--max_new_tokens=5", "--seed=3"]
    code, output, errors = run("tf_gpt2.sample", f"--run_dir={folder}", *flags_given)
    assert (code, errors) == (0, "") and output.startswith("却说") and "😀" in output


@pytest.mark.parametrize(
    ("flag", "rule"),
    [
        ("--top_k=-1", "must be an integer of at least 0"),
        ("--temperature=-1", "must be a number"),
        ("--stop=", "must be strings of at least one character"),
        ("--top_k=many", "--top_k"),
        ("--colour=red", "colour"),
        ("却说", "arguments must be flags"),
        ("--run_dir=/no/such/folder", "/no/such/folder"),
    ],
)
def test_mistakes_give_one_line(folder, flag, rule):
    assert rule in error_line("tf_gpt2.sample", f"--run_dir={folder}", flag)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--interactive", "--prompt=a"], "--prompt has no effect with --interactive"),
        (["--interactive", "--prompts_file=p.txt"], "--prompts_file has no effect with --interactive"),
        (["--interactive", "--output=o.jsonl"], "--output has no effect with --interactive"),
        (["--interactive", "--stream"], "--stream has no effect with --interactive"),
        (["--interactive", "--num_samples=2"], "--num_samples has no effect with --interactive"),
        (["--prompt=a", "--prompts_file=p.txt"], "--prompt has no effect with --prompts_file"),
        (["--stream", "--output=o.jsonl"], "--stream has no effect with --output"),
        (["--stream", "--num_samples=2"], "--stream shows one text"),
        (["--temperature=0", "--top_k=5"], "--top_k has no effect with temperature 0"),
        (["--temperature=0", "--top_p=0.5"], "--top_p has no effect with temperature 0"),
        (["--top_k=1", "--temperature=0.5"], "--temperature has no effect with top_k 1"),
        (["--repetition_window=5"], "--repetition_window has no effect without --repetition_penalty"),
    ],
)
def test_a_flag_without_effect_is_refused(folder, flags, named, monkeypatch):
    monkeypatch.setattr("tf_gpt2.generation.load", None)  # before the model is opened
    with pytest.raises(UserError, match=named):
        sample.main([f"--run_dir={folder}", *flags])


@pytest.mark.parametrize(
    "flags",
    [
        ["--temperature=0", "--seed=3", "--top_k=1"],
        ["--prompt=", "--nostream", "--nointeractive", "--num_samples=1"],
        ["--repetition_window=5", "--repetition_penalty=1.1"],
    ],
)
def test_flags_that_go_together_are_taken(folder, flags):
    assert sample.main([f"--run_dir={folder}", "--max_new_tokens=3", *flags]) == 0


def test_streaming_a_file_of_several_prompts_is_refused(folder, tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("却说\n曹操\n", "utf-8")
    with pytest.raises(UserError, match="--stream shows one text as it is written, and 2 are asked for"):
        call(folder, stream=True, prompts_file=file)


def test_a_reader_that_has_seen_enough_is_no_error(folder):
    process = start(
        "tf_gpt2.sample", f"--run_dir={folder}", "--stream", "--max_new_tokens=2000000", "--prompt=却说"
    )
    process.stdout.read(3)
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in errors and "BrokenPipe" not in errors


def test_a_terminal_without_chinese_gets_question_marks(folder):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    code, output, errors = run(
        "tf_gpt2.sample", f"--run_dir={folder}", "--prompt=却说", "--max_new_tokens=3", "--seed=1", env=environment
    )
    assert (code, errors) == (0, "") and output.startswith("??")


def test_ctrl_c_keeps_what_was_begun(folder, tmp_path, capsys, monkeypatch):
    def interrupted(session, steps):
        raise KeyboardInterrupt

    monkeypatch.setattr("tf_gpt2.generation.session.Session.advance", interrupted)
    output = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        call(folder, prompt="却说", num_samples=2, output=str(output))
    assert [json.loads(line)["finish"] for line in output.read_text("utf-8").splitlines()] == ["interrupted"] * 2
    with pytest.raises(KeyboardInterrupt):
        call(folder, prompt="却说")
    assert len(capsys.readouterr().out.rstrip("\n")) > len("却说")


def test_ctrl_c_keeps_what_was_streamed(folder):
    process = start(
        "tf_gpt2.sample", f"--run_dir={folder}", "--stream", "--max_new_tokens=2000000", "--prompt=却说"
    )
    assert process.stdout.read(3)[:2] == "却说"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in errors


def test_the_dialogue_streams_answers_and_goes_on(folder, monkeypatch, capsys):
    lines = iter(["却说", "/set max_new_tokens 3", "/more", "/nonsense", "/quit"])
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    assert call(folder, interactive=True) == 0
    captured = capsys.readouterr()
    assert captured.out.count("\n") >= 2 and "error: a command must be" in captured.err

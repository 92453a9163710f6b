"""Another model's passages for the page: of a model directory, or of a file that sample wrote."""

import json

import pytest

from export.browser.comparison import check_other, compared_name, other_continuations, read_continuations
from tf_gpt2.errors import UserError
from tf_gpt2.generation import load

pytestmark = pytest.mark.usefixtures("eager")
OPENINGS = ["却说曹操", "天下"]


def test_a_model_directory_writes_as_it_always_does(served_run_dir):
    model = load(served_run_dir)
    settings = model.settings(max_new_tokens=9, seed=4)
    expected = [passage.text for passage in model.write(OPENINGS, settings)]
    assert other_continuations(served_run_dir, OPENINGS, max_new_tokens=9, seed=4) == expected


def test_a_file_that_sample_wrote_is_read(served_run_dir, tmp_path):
    from tf_gpt2 import sample

    prompts, output = tmp_path / "prompts.txt", tmp_path / "other.jsonl"
    prompts.write_text("\n".join(OPENINGS), "utf-8")
    sample.main(
        [f"--run_dir={served_run_dir}", f"--prompts_file={prompts}", f"--output={output}", "--max_new_tokens=5",
         "--num_samples=2", "--seed=3"]
    )  # fmt: skip
    rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert len(rows) == 4
    firsts = {row["prompt"]: row["text"] for row in rows if row["sample_index"] == 0}
    assert other_continuations(output, OPENINGS[::-1]) == [firsts[opening] for opening in OPENINGS[::-1]]


def written(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_an_opening_that_the_file_lacks_is_named(tmp_path):
    path = written(tmp_path / "other.jsonl", {"prompt": "却说曹操", "text": "引兵"})
    with pytest.raises(UserError, match=r"none for '天下' \(1 of 2 are missing\)"):
        other_continuations(path, OPENINGS)


@pytest.mark.parametrize("row", ["却说", {"prompt": "却说"}, {"prompt": "却说", "text": 3}, ["却说", "曹操"]])
def test_a_line_of_another_form_is_named(tmp_path, row):
    path = written(tmp_path / "other.jsonl", {"prompt": "却说曹操", "text": ""}, row)
    with pytest.raises(UserError, match=r"other\.jsonl, line 2: must be"):
        read_continuations(path)


def test_what_is_no_json_or_not_there_is_refused(tmp_path):
    (tmp_path / "other.jsonl").write_text("却说曹操")
    with pytest.raises(UserError, match=r"line 1 is not"):
        read_continuations(tmp_path / "other.jsonl")
    with pytest.raises(UserError, match="compare"):
        read_continuations(tmp_path / "missing.jsonl")


def test_the_other_model_is_called_by_its_directory_or_file(tmp_path):
    (tmp_path / "run.v2").mkdir()
    assert compared_name(tmp_path / "run.v2") == "run.v2"
    assert compared_name(tmp_path / "lstm.jsonl") == "lstm"
    assert compared_name(tmp_path / "lstm.jsonl", "LSTM 2019") == "LSTM 2019"


def test_the_site_has_both_or_says_why_not(served_run_dir, tmp_path, monkeypatch):
    from export.browser.site import write_site

    monkeypatch.setattr("export.browser.site.PASSAGE_TOKENS", 20)

    page, openings = tmp_path / "page", tmp_path / "openings.txt"
    page.mkdir()
    (page / "index.html").write_text('<head><meta charset="utf-8" /><title>GPT-2</title></head>', "utf-8")
    (page / "service_worker.js").write_text("work()", "utf-8")
    openings.write_text("三国演义\t却说曹操\n三国演义\t天下\n", "utf-8")
    other = written(
        tmp_path / "lstm.jsonl", *({"prompt": opening, "text": f"{opening}。甲"} for opening in OPENINGS)
    )
    common = {"page": page, "openings": openings, "dtype": "float32", "compare": other}
    with pytest.raises(UserError, match="`compare` has no effect with `samples`=0"):
        write_site(served_run_dir, tmp_path / "site", samples=0, **common)
    with pytest.raises(UserError, match="`compare_name` has no effect without"):
        write_site(served_run_dir, tmp_path / "site", page=page, compare_name="LSTM")
    site = write_site(served_run_dir, tmp_path / "site", **common)
    assert site["compared"] == {"name": "lstm"}
    assert [(s["prompt"], s["other"]) for s in site["samples"]] == [(o, f"{o}。") for o in OPENINGS]
    assert "compared" not in write_site(served_run_dir, tmp_path / "alone", **common | {"compare": None})


def test_what_is_neither_model_nor_file_is_refused_before_anything_is_written(
    tmp_path, served_run_dir, monkeypatch
):
    from export.browser import bundle
    from export.browser.site import write_site

    monkeypatch.setattr(bundle, "write_bundle", lambda *args: pytest.fail("written already"))
    other, damaged = tmp_path / "other.txt", tmp_path / "damaged.jsonl"
    other.write_text("却说", "utf-8")
    damaged.write_text('{"prompt": 3}\n', "utf-8")
    for compare, said in ((other, "neither"), (tmp_path / "nowhere", "neither"), (damaged, "line 1")):
        with pytest.raises(UserError, match=f"`compare`.*{said}"):
            write_site(served_run_dir, tmp_path / "site", compare=compare)
    check_other(served_run_dir)


def test_a_run_of_another_kind_is_told_where_its_texts_are(tmp_path):
    """An LSTM's, as benchmarks.lstm_baseline leaves it: weights of its own, no config.json."""
    run = tmp_path / "lstm"
    run.mkdir()
    (run / "lstm.npz").write_bytes(b"")
    with pytest.raises(UserError, match=r'`compare`: .*of another kind give .*"prompt"'):
        check_other(run)
    (tmp_path / "lstm.jsonl").write_text("", "utf-8")
    with pytest.raises(UserError, match=r"`compare`: .*lstm\.jsonl: give that"):
        check_other(run)

"""Files of prompts of every kind."""

import json
import os
import time

import pytest

from tf_gpt2.errors import UserError
from tf_gpt2.generation.prompts import Prompt, read_prompts


def _read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_prompts(path)


def _texts(*args):
    return [prompt.text for prompt in _read(*args)]


@pytest.mark.parametrize("name", ["p.jsonl", "p.JSONL", "p.ndjson", "p.json"])
def test_line_separators_inside_strings_are_no_line_ends(tmp_path, name):
    prompts = ["却说\u2028曹操", "玄德\u0085曰", "关公\u000b云"]
    lines = [json.dumps({"prompt": prompt}, ensure_ascii=False) for prompt in prompts]
    assert _texts(tmp_path, name, "\ufeff" + "\r\n\r\n".join(lines)) == prompts


def test_json_lists_strings_and_other_fields(tmp_path):
    written = json.dumps([{"prompt": "却说", "label": 1, "score": float("nan")}, "曹操"])
    assert _read(tmp_path, "p.json", written) == [Prompt("却说", {"label": 1, "score": None}), Prompt("曹操")]
    assert _texts(tmp_path, "p.jsonl", '"\\ud83d 曹操"') == ["\ufffd 曹操"]


def test_tables(tmp_path):
    table = 'id,prompt,label\n1,"却说, ""曹操""",好\n2,,坏\n'
    assert _read(tmp_path, "p.csv", table) == [Prompt('却说, "曹操"', {"id": "1", "label": "好"})]
    assert _texts(tmp_path, "p.tsv", "prompt\n却说\n曹操\n") == ["却说", "曹操"]
    assert _texts(tmp_path, "p.CSV", "却说曹操。\n玄德曰。\n") == ["却说曹操。", "玄德曰。"]


def test_plain_lines(tmp_path):
    assert _texts(tmp_path, "p.txt", "却说\r\n\n曹操\u2028云\n") == ["却说", "曹操\u2028云"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("p.jsonl", '{"prompt": "a"}\n[1', "line 2 is not"),
        ("p.jsonl", '{"text": "a"}', "an object with fields"),
        ("p.json", "[[1]]", "item 1: must be"),
        ("p.jsonl", "[" * 200_000, "nested too deeply"),
        ("p.jsonl", "1" * 10_000, "thousands of digits"),
        ("p.csv", "a,b\n1,2\n", r"columns \['a', 'b'\]"),
        ("p.csv", 'prompt\n"a\nb', "never closed"),
        ("p.txt", b"\xff\xfe\xfd", "UTF-8"),
        ("p.csv", "", "it is empty"),
    ],
)
def test_what_is_no_prompt_is_refused_in_one_line(tmp_path, name, content, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        _read(tmp_path, name, content)
    assert len(str(caught.value)) < 500 and "\n" not in str(caught.value)


def test_devices_pipes_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    os.symlink("/dev/zero", tmp_path / "zero.txt")
    begin = time.process_time()
    for path in (tmp_path / "pipe.jsonl", tmp_path / "zero.txt", tmp_path, tmp_path / ("n" * 5000)):
        with pytest.raises(UserError, match="`prompts_file`"):
            read_prompts(path)
    assert time.process_time() - begin < 1


def test_an_open_pipe_is_read():
    end, other = os.pipe()
    os.write(other, "却说\n曹操\n".encode())
    os.close(other)
    try:
        assert [prompt.text for prompt in read_prompts(f"/dev/fd/{end}")] == ["却说", "曹操"]
    finally:
        os.close(end)

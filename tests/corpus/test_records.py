"""Files of many texts: JSON lines and lists, tables, separators; foreign files; names in other encodings."""

import json
import logging
import os

import pytest
from promises import promptly

from tf_gpt2.corpus.json_lines import NotJSON, json_values, parse_json
from tf_gpt2.corpus.reading import expand_corpus, read_books
from tf_gpt2.corpus.separators import count_marked_lines, split_texts
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.errors import UserError


def _books(tmp_path, name, content, **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(book.title, book.text) for book in read_books(path, **options)]


def _texts(*args, **options):
    return [text for _, text in _books(*args, **options)]


@pytest.mark.parametrize("name", ["train.json", "a.jsonl", "a.JSONL", "a.ndjson"])
@pytest.mark.parametrize("record", ['"{}"', '{{"text": "{}"}}'])
def test_one_json_value_a_line(tmp_path, name, record):
    texts = ["第0回\u2028", "第1回\u0085", "第2回"]
    content = "\ufeff" + "\r\n".join(record.format(text) for text in texts) + "\r\n"
    assert _texts(tmp_path, name, content) == texts
    assert _texts(tmp_path, name, record.format("一")) == ["一"]


def test_titles_with_lone_surrogates_and_of_any_length(tmp_path):
    ((title, text),) = _books(tmp_path, "a.jsonl", '{"text":"却说 \\ud800","title":"x \\ud83d"}')
    assert (title, text) == ("x \ufffd", "却说 \ufffd")
    ((title, _),) = _books(tmp_path, "a.jsonl", json.dumps({"text": "一", "title": "x" * 100_000}))
    assert len(title) == 200


def test_a_field_may_be_named(tmp_path):
    poems = json.dumps([{"author": "李白", "title": "静夜思", "paragraphs": ["床前明月光，", "疑是地上霜。"]}])
    assert _books(tmp_path, "p.json", poems, text_field="paragraphs") == [("静夜思", "床前明月光，\n疑是地上霜。")]
    with pytest.raises(UserError, match=r"fields \['author', 'paragraphs', 'title'\].*`text_field`"):
        _books(tmp_path, "p.json", poems)
    assert _texts(tmp_path, "p.csv", "id,body\n1,a\n", text_field="Body") == ["a"]
    with pytest.raises(UserError, match=r"column 'body'.*columns \['id', 'x'\]"):
        _books(tmp_path, "p.csv", "id,x\n1,a\n", text_field="body")


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("t.csv", 'text\n"今天，天气"\n"a ""b"""\n\n', ["今天，天气", 'a "b"']),
        ("t.csv", "今天天气。\n我们去爬山。\n", ["今天天气。", "我们去爬山。"]),
        ("t.csv", "tweet\nhello, world\nno comma\n", ["hello, world", "no comma"]),
        ("t.csv", 'id,Text,label\n1,"two\nlines",x\n2,,y\n3,b,z\n', ["two\nlines", "b"]),
        ("t.csv", "\ufefftext\r\na\r\nb\r\n", ["a", "b"]),
        ("t.csv", "anna\nbob\ncarl\n", ["anna", "bob", "carl"]),
        ("t.CSV", "some_column\nA whole sentence.\nAnother one.\n", ["A whole sentence.", "Another one."]),
        ("t.tsv", 'text\tlabel\n"He said\tx\nb\ty\n', ['"He said', "b"]),
        ("t.tsv", 'label\ttext\nx\t"a\tb"\n', ["a\tb"]),
        ("t.csv", "text\n" + "长" * 200_000 + "\n", ["长" * 200_000]),
    ],
)
def test_tables(tmp_path, name, content, texts):
    assert _texts(tmp_path, name, content) == texts


def test_tables_in_other_encodings_have_titles(tmp_path):
    content = "title,text\n静夜思,床前明月光，疑是地上霜。举头望明月，低头思故乡。\n,春眠不觉晓，处处闻啼鸟。\n"
    content = content.replace("，", "、").encode("gb18030")
    assert [title for title, _ in _books(tmp_path, "t.csv", content)] == ["静夜思", "t 2"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("t.csv", "a,b\n1,2\n", r"columns \['a', 'b'\]"),
        ("t.csv", "x" * 90 + ",b\n1,2\n", "names no columns"),
        ("t.csv", 'text\n"a\nb\n', "never closed"),
        ("t.csv", "", "empty"),
        ("t.json", "[" * 400_000, "nested too deeply"),
        ("t.jsonl", '{"text": "x", "n": ' + "7" * 10_000 + "}", "thousands of digits"),
        ("t.json", '"a"\n{"b": 1', "line 2 is not"),
        ("t.json", '{"text": "x"}\n{"b": 1}', "line 2 is an object"),
        ("t.jsonl", json.dumps({"k" * 9000 + str(i): 1 for i in range(90)}), "an object with fields"),
    ],
)
def test_what_holds_no_texts_is_refused_in_one_line(tmp_path, name, content, complaint):
    with promptly(), pytest.raises(UserError, match=complaint) as caught:
        _books(tmp_path, name, content)
    message = str(caught.value)
    assert name in message and "\n" not in message
    assert len(message) <= 500


def test_markdown_is_text_and_separators_part_it(tmp_path):
    assert _books(tmp_path, "a.md", "# 一\n\n二") == [("a", "# 一\n\n二")]
    assert _books(tmp_path, "a.md", "一\n --- \n二\n---x\n---\n \n", separator="---") == [
        ("a 1", "一\n"),
        ("a 2", "\n二\n---x\n"),
    ]
    assert _books(tmp_path, "a.jsonl", '"a\\n---\\nb"', separator="---") == [("a 1", "a\n---\nb")]


@pytest.mark.parametrize("separator", ["<|endoftext|>", "<|startoftext|>"])
def test_marks_of_other_programs_are_borders_wherever_they_stand(separator):
    pairs = "".join(f"<|startoftext|>第{i}条。\n<|endoftext|>\n" for i in range(3))
    assert [text.strip() for text in split_texts(pairs, separator)] == ["第0条。", "第1条。", "第2条。"]
    assert list(split_texts("a<|endoftext|>b\n", separator)) == ["a", "b\n"]
    assert count_marked_lines(pairs) == 6 and count_marked_lines("a <| b") == 0


def test_the_report_counts_marks_and_the_separator_takes_them(tmp_path):
    path = tmp_path / "tweets.txt"
    path.write_text(
        "".join(f"<|startoftext|>第{i}条推文：今天天气很好。\n<|endoftext|>\n" for i in range(200)), "utf-8"
    )
    report = prepare_corpus([path], cache_dir=tmp_path / "cache").report
    assert report.marked_lines == 400 and len(report.books) == 1
    report = prepare_corpus([path], cache_dir=tmp_path / "cache", separator="<|endoftext|>").report
    assert report.marked_lines == 0 and len(report.books) == 200
    with pytest.raises(UserError, match="`separator`"):
        prepare_corpus([path], cache_dir=tmp_path / "cache", separator=" ")


def test_foreign_files_of_a_folder_are_skipped_and_named(tmp_path, caplog):
    for name, content in {
        "book.txt": "却说曹操",
        "dataset-metadata.json": '{"title": "x", "licenses": []}',
        "files.csv": "name,size\nbook.txt,12\n",
        "metrics.jsonl": '{"step": 1}\n',
        "empty.json": "[]",
        "novel.docx": "PK",
        "picture.png": "x",
    }.items():
        (tmp_path / name).write_text(content, "utf-8")
    with caplog.at_level(logging.INFO, logger="tf_gpt2"):
        files = expand_corpus([tmp_path])
    assert [path.name for path in files if path.name != "empty.json"] == ["book.txt"]
    (said,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("skipped")]
    for name in ("dataset-metadata.json", "files.csv", "metrics.jsonl", "novel.docx"):
        assert name in said
    assert "licenses" in said and "picture" not in said
    (tmp_path / "book.txt").unlink()
    (tmp_path / "empty.json").unlink()
    with pytest.raises(UserError, match="holds none .dataset-metadata.json"):
        expand_corpus([tmp_path])
    with pytest.raises(UserError, match="an object with fields"):
        list(read_books(*expand_corpus([tmp_path / "dataset-metadata.json"])))


def test_a_damaged_file_of_a_folder_is_refused_not_skipped(tmp_path):
    (tmp_path / "train.json").write_text('["a", ')
    (path,) = expand_corpus([tmp_path])
    with pytest.raises(UserError, match="valid JSON"):
        list(read_books(path))


def test_texts_whose_first_is_null_are_refused_by_its_line_not_skipped(tmp_path):
    (tmp_path / "texts.jsonl").write_text('{"text": null}\n{"text": "却说"}\n', "utf-8")
    with pytest.raises(UserError, match="texts.jsonl line 1"):
        for path in expand_corpus([tmp_path]):
            list(read_books(path))


def test_names_in_the_bytes_of_another_encoding(tmp_path, caplog):
    name = os.fsdecode("三国演义.txt".encode("gbk"))
    (tmp_path / name).write_text("却说曹操引军渡河。" * 30, "utf-8")
    for entry in (tmp_path / name, tmp_path):
        with caplog.at_level(logging.INFO, logger="tf_gpt2"):
            prepared = prepare_corpus([entry], cache_dir=tmp_path / "cache")
        (book,) = prepared.report.books
        assert "\ufffd" in book.title
        book.title.encode()
        "".join(record.getMessage() for record in caplog.records).encode()
    with pytest.raises(UserError) as caught:
        list(read_books(tmp_path / (name + "x.csv")))
    str(caught.value).encode()


def test_devices_pipes_and_names_too_long_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    os.symlink("/dev/zero", tmp_path / "zero.txt")
    os.symlink("loop.txt", tmp_path / "loop.txt")
    for entry in ("pipe.txt", "zero.txt", "loop.txt", "n" * 5000, "a\0b.txt", "~nobody-here/x.txt"):
        with promptly(), pytest.raises(UserError) as caught:
            for path in expand_corpus([tmp_path / entry if entry[0] != "~" else entry]):
                list(read_books(path))
        assert len(str(caught.value)) < 500
    with pytest.raises(UserError, match="holds none"):
        expand_corpus([tmp_path])


def test_links_between_folders_do_not_multiply(tmp_path):
    for i in range(6):
        (tmp_path / f"f{i}").mkdir()
        (tmp_path / f"f{i}" / "a.txt").write_text("x")
        for j in range(6):
            os.symlink(tmp_path / f"f{j}", tmp_path / f"f{i}" / f"to{j}")
    with promptly():
        assert len(expand_corpus([tmp_path])) == 6


def test_the_reader_of_json_lines():
    lines = json_values('\ufeff1\r\n\n "a\u2028" \n', ".jsonl")
    assert [tuple(item) for item in lines] == [("line 1", 1, 1), ("line 3", 3, "a\u2028")]
    assert parse_json('[NaN, -Infinity, 1e999, "\\udc00", {"\\ud800": 1}]') == [
        None,
        None,
        None,
        "\ufffd",
        {"\ufffd": 1},
    ]
    with pytest.raises(NotJSON, match="line 2 is not"):
        list(json_values("1\n{", ".ndjson"))

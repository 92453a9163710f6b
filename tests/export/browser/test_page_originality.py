"""What a site ships to tell copies, read by the page's code in Node: it finds what Python finds."""

import gzip
import json
import pathlib
import random
import shutil
import subprocess

import numpy as np
import pytest

from export.browser.bundle import tokenizer_facts
from export.browser.copies_hashes import hash_windows
from export.browser.copies_index import full_text_index
from export.browser.originality import copies_file, training_text, write_originality
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.errors import UserError
from tf_gpt2.evaluation.originality import corpus_index
from tf_gpt2.generation.copy_guard import CopyGuard
from tf_gpt2.tokenizer import Tokenizer

SCRIPT = pathlib.Path(__file__).with_name("find_copies.js")
CORPUS = "0" * 32


def ask(folder, content, **request):
    """What the page's code in Node finds in a copies.bin."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("Node is needed; make sets it up")
    path = folder / "copies.bin"
    path.write_bytes(content)
    request = json.dumps({"file": str(path), "corpus": CORPUS, "texts": [], **request})
    done = subprocess.run([node, SCRIPT], input=request, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def index_of(folder, texts):
    """The corpus index of texts by title."""
    folder.mkdir()
    for title, text in texts.items():
        (folder / f"{title}.txt").write_text(text, "utf-8")
    paths = [folder / f"{title}.txt" for title in texts]
    return corpus_index(prepare_corpus(paths, cache_dir=folder / "cache", validation_fraction=0))


def random_texts(letters, pieces=12, seed=5):
    """Texts that repeat pieces of themselves, so that runs stand in many places and overlap."""
    rng = random.Random(seed)
    blocks = ["".join(rng.choices(letters, k=rng.randint(8, 60))) for _ in range(pieces)]
    return {f"book{i}": "".join(rng.choices(blocks, k=40)) for i in range(4)}


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    return index_of(tmp_path_factory.mktemp("chinese") / "corpus", random_texts("却说曹操引兵天下，。é𠮷"))


def passages(index, rng, letters, count=30):
    """Texts made of pieces of the corpus and of letters that stand nowhere."""
    whole = index.index.bytes_at(0, index.index.num_bytes).decode()
    found = []
    for _ in range(count):
        text = ""
        for _ in range(rng.randint(1, 5)):
            begin = rng.randrange(len(whole))
            text += whole[begin : begin + rng.randint(1, 90)].replace("\0", "")
            text += "".join(rng.choices(letters, k=rng.randint(0, 6)))
        found.append(text)
    return [*found, "", "甲", "甲" * 50, whole[:300].replace("\0", "")]


def as_page(text, run):
    """A run of Python's as the page has it, which counts in UTF-16."""
    units = [len(text[:at].encode("utf-16-le")) // 2 for at in (run.begin, run.begin + run.length)]
    return {
        "begin": units[0],
        "end": units[1],
        "length": run.length,
        "book": run.book,
        "offset": run.offset,
        "before": run.before,
        "after": run.after,
    }


def test_the_index_finds_what_python_finds(chinese, tmp_path):
    texts = passages(chinese, random.Random(1), "却说甲乙𠮷")
    answer = ask(tmp_path, copies_file("index", chinese, CORPUS), texts=texts)
    expected = [[as_page(text, run) for run in chinese.copied_runs(text)] for text in texts]
    assert [one["runs"] for one in answer["found"]] == expected
    assert sum(map(len, expected)) > 40
    for text, one, runs in zip(texts, answer["found"], map(chinese.copied_runs, texts), strict=True):
        inside = {at for run in runs for at in range(run.begin, run.begin + run.length)}
        assert (one["copied"], one["characters"]) == (len(inside), len(text))


def test_the_index_gives_any_piece_of_the_corpus_back(chinese, tmp_path):
    whole = chinese.index.bytes_at(0, chinese.index.num_bytes).decode()
    rng = random.Random(2)
    borders = [i for i, character in enumerate(whole) if character == "\0"]
    pieces = []
    for first, last in zip([0, *(b + 1 for b in borders)], borders, strict=False):
        pieces += [[first, first], [first, last], [last - 1, last], [last, last]]
        pieces += [sorted(rng.choices(range(first, last + 1), k=2)) for _ in range(20)]
    answer = ask(tmp_path, copies_file("index", chinese, CORPUS), read=pieces)
    assert answer["read"] == [whole[begin:end] for begin, end in pieces]


def test_words_count_in_alphabets(tmp_path):
    text = "It was the best of times, it was the worst of times; don't say it wasn't the age of wisdom. " * 2
    index = index_of(tmp_path / "corpus", {"tale": text, "other": "Call me Ishmael. Some years ago, never mind."})
    texts = [
        "Now it was the worst of times; don't say it was",
        "Now it was the worst of times",
        "xt was the best of times, it w",
        text[5:70],
    ]
    expected = [[as_page(t, run) for run in index.copied_runs(t)] for t in texts]
    for kind in ("index", "hashes"):
        answer = ask(tmp_path, copies_file(kind, index, CORPUS), texts=texts)
        found = [[(run["begin"], run["end"]) for run in one["runs"]] for one in answer["found"]]
        assert found == [[(run["begin"], run["end"]) for run in runs] for runs in expected]
    assert [len(runs) for runs in expected] == [1, 0, 0, 1]


def test_one_character_again_and_again_takes_no_square_of_its_length(tmp_path):
    index = index_of(tmp_path / "corpus", {"same": "甲" * 60_000, "other": "乙" * 30 + "丙" * 30})
    texts = ["甲" * 3000, "甲" * 19, "乙" * 25 + "丙" * 40 + "甲" * 25]
    answer = ask(tmp_path, copies_file("index", index, CORPUS), texts=texts)
    assert [one["runs"] for one in answer["found"]] == [
        [as_page(text, run) for run in index.copied_runs(text)] for text in texts
    ]


def test_hashes_miss_nothing_and_name_a_book_that_has_it(tmp_path):
    rng = random.Random(9)
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 400)))
    books = {f"book{i}": "".join(rng.choices(letters, k=6000)) for i in range(3)}
    index = index_of(tmp_path / "corpus", books)
    texts = passages(index, rng, letters)
    answer = ask(tmp_path, copies_file("hashes", index, CORPUS), texts=texts)
    told = lengthened = 0
    for text, one in zip(texts, answer["found"], strict=True):
        runs = [(run["begin"], run["end"]) for run in one["runs"]]
        for run in index.copied_runs(text):
            assert any(begin <= run.begin and run.begin + run.length <= end for begin, end in runs)
        for run in one["runs"]:
            told += 1
            assert run["offset"] is None and run["before"] == run["after"] == ""
            # A hash that is there by chance, one of 256, makes a run longer by a character.
            inner = text[run["begin"] + 1 : run["end"] - 1]
            assert inner in books[run["book"]]
            lengthened += text[run["begin"] : run["end"]] not in books[run["book"]]
    assert told > 30
    assert lengthened <= 6  # of 256 windows one is there by chance: more than six of sixty happens once in 10^8


def test_hashes_hold_no_text(tmp_path):
    secret = "话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。"
    index = index_of(tmp_path / "corpus", {"one": secret})
    content = gzip.decompress(copies_file("hashes", index, CORPUS))
    for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
        assert not any(secret[i : i + 2].encode(encoding) in content for i in range(len(secret) - 1))


def test_windows_hash_as_written_down():
    codes = np.frombuffer("却说曹操".encode("utf-32-le"), "<u4")

    def one(window, seed):
        value = seed
        for code in window:
            value = ((value ^ int(code)) * 0x01000193) % 2**32
        value = ((value ^ value >> 16) * 0x85EBCA6B) % 2**32
        value = ((value ^ value >> 13) * 0xC2B2AE35) % 2**32
        return value ^ value >> 16

    assert hash_windows(codes, 3, 7).tolist() == [one(codes[i : i + 3], 7) for i in range(2)]


def test_the_rows_are_the_sorted_suffixes(chinese):
    """Against sorting all suffixes, as the definition has it."""
    found = full_text_index(chinese)
    whole = chinese.index.bytes_at(0, chinese.index.num_bytes).decode()
    rows = sorted(range(len(whole)), key=lambda at: whole[at:])
    bits = np.unpackbits(found.levels.view(np.uint8), axis=1, bitorder="little")[:, : len(whole)]
    numbers = np.zeros(len(whole), np.int64)
    for row in range(len(whole)):
        at = row
        for level in bits:
            numbers[row] = 2 * numbers[row] + level[at]
            ones = int(level[:at].sum())
            at = int((level == 0).sum()) + ones if level[at] else at - ones
    assert "".join(chr(found.symbols[n]) for n in numbers) == "".join(whole[at - 1] for at in rows)


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_the_guard_forbids_what_pythons_forbids(chinese, tmp_path, kind):
    whole = chinese.index.bytes_at(0, chinese.index.num_bytes).decode().replace("\0", "")
    if kind == "bpe":
        tokenizer = Tokenizer.train_bpe([whole], 400)
    else:  # two characters are spelled in bytes
        tokenizer = Tokenizer.train_characters(["却说曹操引兵天下，。"])
    tokenizer.save(tmp_path)
    least = 6
    rng = random.Random(4)
    before = [tokenizer.encode(whole[begin : begin + 12]).tolist() for begin in rng.choices(range(3000), k=12)]
    before += [ids[:-1] for ids in before] + [[], [tokenizer.end_of_text_id, *before[0][:5]]]
    guard = CopyGuard(chinese.index, tokenizer, least)
    expected = [np.flatnonzero(guard.forbidden(ids)).tolist() for ids in before]
    facts = {
        "json": json.loads((tmp_path / "tokenizer.json").read_text("utf-8")),
        "facts": tokenizer_facts(tokenizer),
    }
    request = {**facts, "least": least, "before": before}
    answer = ask(tmp_path, copies_file("index", chinese, CORPUS), guard=request)
    assert answer["forbidden"] == expected
    assert answer["completes"] == expected
    assert sum(map(len, expected)) > 10


def test_a_model_without_its_corpus_is_refused_in_one_line(tmp_path):
    (tmp_path / "training.json").write_text(json.dumps({"corpus": {"prepared": CORPUS}}))
    with pytest.raises(UserError, match="needs the text that the model was trained on") as caught:
        training_text(tmp_path, "index")
    assert "\n" not in str(caught.value)
    assert training_text(tmp_path, "none") is None
    with pytest.raises(UserError, match="must be one of none, hashes, index; received all"):
        training_text(tmp_path, "all")


def test_the_description_names_model_corpus_and_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TF_GPT2_CACHE", str(tmp_path / "cache"))
    (tmp_path / "a.txt").write_text("话说天下大势，分久必合，合久必分。\n" * 30, "utf-8")
    corpus = prepare_corpus([tmp_path / "a.txt"], validation_fraction=0.2)
    (tmp_path / "training.json").write_text(json.dumps({"corpus": {"prepared": corpus.folder.name}}))
    text = training_text(tmp_path, "index")
    assert text is not None
    described = write_originality(tmp_path, "index", text, "f" * 64)
    assert described == json.loads((tmp_path / "originality.json").read_text("utf-8"))
    assert (described["model"], described["corpus"]) == ("f" * 64, corpus.folder.name)
    assert (described["unit"], described["least"], described["baseline"]) == ("characters", 20, 1.0)
    assert (tmp_path / "copies.bin").stat().st_size == described["bytes"]

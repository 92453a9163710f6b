"""Where large files are cut: at whole lines that are a separator, and between letters of a long line."""

import random
import re

import pytest

from tf_gpt2.corpus import cutting
from tf_gpt2.locations import read_range

ENCODINGS = ["utf-8", "gb18030", "big5", "shift_jis", "euc_kr", "utf-16-le", "utf-16-be", "utf-32-le", "cp1251"]


def _by_the_rule(path, codec, begin, end, separator):
    """Where the first line ends that is the separator, its mark from `begin` on: all is read and decoded."""
    unit, feed, mark = cutting._unit(codec), "\n".encode(codec), separator.encode(codec)
    data = path.read_bytes()[:end]
    begin -= begin % unit
    for place in range(begin, end, unit):
        if data.startswith(mark, place):
            after = next((i for i in range(place, end, unit) if data.startswith(feed, i)), None)
            if after is None:
                return None
            line = data[:after].decode(codec, "ignore").rpartition("\n")[2]
            if re.fullmatch(f"[^\\S\n]*{re.escape(separator)}[^\\S\n]*", line):
                return after + len(feed)
    return None


@pytest.mark.parametrize("codec", ENCODINGS)
@pytest.mark.parametrize("window", [64, 128])
def test_a_separator_is_a_whole_line_with_blanks_around_it(tmp_path, codec, window, monkeypatch):
    monkeypatch.setattr(cutting, "_WINDOW", window)
    separator, path = "= =", tmp_path / "texts.txt"
    parts = [
        "= =",
        "\n",
        "\n= =\n",
        "\n \t= = \r\n",
        "= ",
        "=",
        " ",
        "\n= = =\n",
        "x= =\n",
        "a" * 90,
        "ы",
        "漢",
        "\u3000",
    ]
    for seed in range(60):
        draw = random.Random(seed)
        text = "".join(draw.choice(parts) for _ in range(40))
        path.write_bytes(text.encode(codec, "ignore"))
        end = path.stat().st_size - (seed % 2) * 8
        for begin in range(0, end, 7):
            assert cutting._end_of_record(path, codec, begin, end, f" {separator} ") == _by_the_rule(
                path, codec, begin, end, separator
            ), (seed, begin)


@pytest.mark.parametrize("text", ["a --- b\n" * 40_000, "---" * 10_000, (" " * 3000 + "--- b\n") * 100])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le"])
def test_marks_inside_lines_cost_one_reading(tmp_path, codec, text, monkeypatch):
    monkeypatch.setattr(cutting, "_WINDOW", 1 << 12)
    path, read = tmp_path / "texts.txt", []

    def counting(*args):
        read.append(read_range(*args))
        return read[-1]

    monkeypatch.setattr(cutting, "read_range", counting)
    path.write_bytes(f"{text}\n---\nc\n".encode(codec))
    end = path.stat().st_size
    assert cutting._end_of_record(path, codec, 5000, end, "---") == end - len("c\n".encode(codec))
    assert sum(map(len, read)) <= end


def test_a_separator_that_the_encoding_cannot_write_is_no_line_of_the_file(tmp_path):
    (tmp_path / "texts.txt").write_bytes("café\n---\n".encode("cp1252") * 10)
    assert cutting._end_of_record(tmp_path / "texts.txt", "cp1252", 0, 90, "☆☆☆") is None


@pytest.mark.parametrize(
    ("line", "codec"),
    [
        ("Солнце вставало над степью, и ветер гнал пыль. ", "utf-8"),
        ("Солнце вставало над степью, и ветер гнал пыль. ", "koi8-r"),
        ("Ὁ ἥλιος ἀνέτελλε ὑπὲρ τῆς πεδιάδος· ", "utf-8"),
        ("كانت الشمس تشرق فوق السهول. ", "utf-16-le"),
        ("सूरज मैदान के ऊपर उग रहा था, कमल खिले थे। ", "utf-8"),
    ],
)
def test_a_long_line_of_any_script_is_cut_between_two_letters(tmp_path, line, codec):
    path = tmp_path / "long.txt"
    path.write_bytes((line * 3000).encode(codec))
    for begin in range(40_000, 40_012):
        place = cutting._between_letters(path, "long.txt", codec, begin)
        data = path.read_bytes()
        before, after = data[:place].decode(codec), data[place:].decode(codec)
        assert before + after == line * 3000  # no character is cut
        assert before[-1].isalpha() and after[0].isalpha()


def test_what_makes_one_character_with_its_neighbour_is_not_parted():
    for whole in ("\u1112\u1161\u11ab", "ｶﾞｷﾞ", "e\u0301e\u0301", "\u0928\u094d\u0926"):
        assert cutting._INSIDE.search(whole) is None

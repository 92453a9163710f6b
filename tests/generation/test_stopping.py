import random

import pytest

from tf_gpt2.generation.stopping import StopScanner


def scan(stops, pieces):
    scanner = StopScanner(stops)
    shown = [scanner.push(piece) for piece in pieces]
    return shown, "" if scanner.stopped else scanner.flush(), scanner.stopped


def test_a_stop_string_across_pieces_is_never_shown_in_part():
    shown, rest, stopped = scan(["END"], ["abE", "N", "Dxyz"])
    assert (shown, rest, stopped) == (["ab", "", ""], "", True)


def test_what_only_looked_like_a_stop_string_is_shown():
    assert scan(["END"], ["abE", "Nx", "E"]) == (["ab", "ENx", ""], "E", False)


def test_the_earliest_of_several_counts():
    assert scan(["cd", "b"], ["abcd"])[0] == ["a"]


def test_overlapping_beginnings():
    assert scan(["aab"], ["aaa", "b"])[0] == ["a", ""]


def test_nothing_comes_after_the_stop():
    scanner = StopScanner(["."])
    assert scanner.push("a.b") == "a" and scanner.push("c") == "" and scanner.flush() == ""


@pytest.mark.parametrize("seed", range(20))
def test_any_cutting_into_pieces_gives_the_same_text(seed):
    generator = random.Random(seed)
    text = "".join(generator.choices("ab", k=40))
    stops = ["".join(generator.choices("ab", k=generator.randint(3, 7))) for _ in range(2)]
    expected = text[: min((text.find(stop) for stop in stops if stop in text), default=len(text))]
    pieces, place = [], 0
    while place < len(text):
        size = generator.randint(1, 5)
        pieces.append(text[place : place + size])
        place += size
    shown, rest, _ = scan(stops, pieces)
    assert "".join(shown) + rest == expected

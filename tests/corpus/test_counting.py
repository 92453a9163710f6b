"""Character counts."""

import collections

from tf_gpt2.corpus.counting import CODE_POINTS, CharacterCounter


def test_counts_match_a_dictionary_across_pieces():
    texts = ["话说天下" * 400_000, "", "😀\x00a", "a\ud800", *["短文"] * 1000]
    counter = CharacterCounter()
    for text in texts:
        counter.add(text)
    counts = counter.counts()
    expected = collections.Counter("".join(texts).replace("\ud800", "\ufffd"))
    assert counts.shape == (CODE_POINTS,)
    assert {chr(c): int(counts[c]) for c in counts.nonzero()[0]} == dict(expected)
    assert dict(zip(*(part.tolist() for part in counter.occurrences()), strict=True)) == {
        ord(character): count for character, count in expected.items()
    }


def test_few_characters_are_counted_like_many():
    few, many = CharacterCounter(), CharacterCounter()
    few.add("a\ud800😀a")
    points, counts = few.occurrences()
    assert (points.tolist(), counts.tolist()) == ([0x61, 0xFFFD, 0x1F600], [2, 1, 1])
    many.add_occurrences(points, counts)
    many.add("a")
    assert many.counts()[0x61] == 3 and few.counts().sum() == 4

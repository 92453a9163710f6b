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

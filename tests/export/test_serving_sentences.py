"""Where a text ends that finishes its sentence: the graph against the shared vectors."""

import json
import pathlib

import tensorflow as tf

from export.serving.sentences import FINISH_TOKENS, follow, nothing_yet

FIXTURE = pathlib.Path(__file__).parent.parent / "fixtures" / "sentence_vectors.json"
CASES = json.loads(FIXTURE.read_text("utf-8"))["cases"]


def _text(pieces):
    """As it is decoded: half a character at the end is U+FFFD."""
    return "".join(pieces) + ("" if pieces[-1] else "\ufffd")


def test_the_shared_vectors_all_in_one_batch():
    limits = tf.constant([case["limit"] for case in CASES])
    counts = [len(case["pieces"]) for case in CASES]
    ends, done = nothing_yet(limits), tf.zeros_like(limits, tf.bool)
    for written in range(1, max(counts) + 1):
        texts = [_text(case["pieces"][:written]) for case in CASES]
        last = limits + FINISH_TOKENS <= written
        looked_at = ~done & (limits <= written)
        count = tf.fill(tf.shape(limits), written)
        found, ends = follow(tf.constant(texts), looked_at, last, count, ends)
        done |= found | last
        assert done.numpy().tolist() == [written >= count for count in counts]
    # One more look, as a row gets that waits for the others of its batch: nothing changes.
    texts = tf.constant([_text(case["pieces"]) for case in CASES])
    _, ends = follow(texts, limits + FINISH_TOKENS <= tf.constant(counts), last, tf.constant(counts), ends)
    assert tf.minimum(ends.kept, counts).numpy().tolist() == [case["kept"] for case in CASES]

"""What is done with gigabytes, done with a few hundred bytes: for tests of reading in blocks, and of shards."""

from tf_gpt2 import long_texts
from tf_gpt2.corpus import cutting, large_files
from tf_gpt2.data import journal, shards, sources, spool


def make_small(monkeypatch):
    """Sets the sizes of blocks, batches and shards."""
    for module, name, value in (
        (sources, "LARGE", 3000),
        (sources, "_TOGETHER", 2000),
        (cutting, "BLOCK", 1500),
        (cutting, "LONGEST_LINE", 1000),
        (cutting, "_WINDOW", 128),
        (large_files, "_SAMPLE", 4096),
        (spool, "LONG", 500),
        (spool, "_PIECE", 100),
        (long_texts, "_BATCH_CHARACTERS", 200),
        (shards, "SHARD_TOKENS", 256),
        (journal, "COMMIT_BYTES", 4000),
        (journal, "sync", lambda path: None),
    ):
        monkeypatch.setattr(module, name, value)

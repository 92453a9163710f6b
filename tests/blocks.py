"""What is done with gigabytes, done with a few hundred bytes: for tests of reading in blocks, and of shards."""

import json
import random

from tf_gpt2 import long_texts
from tf_gpt2.corpus import cutting, large_files
from tf_gpt2.data import journal, shards, sources, spool

LINES = (
    "　　话说天下大势，分久必合，合久必分。\r\n",
    "\r\n",
    "\n\n\n",
    " \t \n",
    "It was the best of times.\n",
    "a\u200d b\ufeff\n",
    "却说\u3000曹操，引军渡河。\n",
    "<|endoftext|>\n",
    "😀 was\u2028the worst \x0b of times\n",
    "é\u0301t\u00ad\u00e9.\n",
    "\r",
    "長江後浪\n",
)


def random_text(seed, lines=400):
    """Text whose cleaning, division and tokens depend on what is near."""
    draw = random.Random(seed)
    return "".join(draw.choice(LINES if draw.random() < 0.8 else LINES[4:5]) for _ in range(lines))


def contents(folder):
    """The bytes of the files of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write_several(folder):
    """Long texts, small ones, records, one without letters."""
    for seed in range(2):
        (folder / f"{seed}.txt").write_text(random_text(seed), "utf-8")
    records = [json.dumps({"text": random_text(i, 4), "title": f"《{i}》" if i % 3 else None}) for i in range(30)]
    (folder / "records.jsonl").write_text("\n".join(records), "utf-8")
    (folder / "small 1.txt").write_text("一二三\n" * 60, "utf-8")
    (folder / "small 2.txt").write_text(" \n", "utf-8")
    (folder / "z.txt").write_bytes(random_text(7).encode("utf-16"))


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

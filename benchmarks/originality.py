"""How fast copies are found: making the index, and looking passages up in it.

    python -m benchmarks.originality --corpus=novels/ --megabytes=50

The corpus is repeated, with every character moved by another number each time, up to the size asked for: so the
text is as varied as a larger corpus. `--repeated` measures one character again and again instead. Passages of 1,000
characters are looked up: copies, and text that stands nowhere. The last line is one JSON object.
"""

import argparse
import json
import pathlib
import tempfile
import time

import numpy as np

from tf_gpt2.corpus.cleaning import clean
from tf_gpt2.corpus.reading import expand_corpus, read_books
from tf_gpt2.evaluation.text_index import TextIndex, build_index

_PASSAGE = 1000
_LOOKUPS = 50


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="*", default=[], help="files, folders, globs")
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--repeated", action="store_true", help="one character, as long as asked for")
    options = parser.parse_args()
    size = int(options.megabytes * 1e6)
    texts = ["甲" * (size // 3)] if options.repeated else enlarged(read_corpus(options.corpus), size)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        build_index(folder, texts)
        built = time.perf_counter() - begin
        index = TextIndex.open(folder)
        on_disk = sum(path.stat().st_size for path in pathlib.Path(folder).iterdir())
        copies, others = [], []
        for _ in range(_LOOKUPS):
            text = texts[rng.integers(len(texts))]
            place = rng.integers(max(1, len(text) - _PASSAGE))
            copy = text[place : place + _PASSAGE]
            copies.append(_milliseconds(index, copy))
            others.append(_milliseconds(index, "".join(rng.permutation(list(copy)))))
        whole = texts[0][:200_000]
        figures = {
            "megabytes": round(index.num_bytes / 1e6, 1),
            "seconds_to_build": round(built, 1),
            "bytes_a_character": round(on_disk / len(index), 2),
            "milliseconds_a_copy_of_1000": round(float(np.median(copies)), 2),
            "milliseconds_of_1000_others": round(float(np.median(others)), 2),
            "seconds_a_copy_of_200000": round(_milliseconds(index, whole) / 1e3, 2),
        }
    print(json.dumps(figures))


def read_corpus(patterns):
    """The clean texts of files, folders and globs."""
    return [clean(book.text) for path in expand_corpus(patterns) for book in read_books(path)]


def enlarged(texts, size):
    """As many texts as make so many bytes, each varied otherwise."""
    found, total, round_ = [], 0, 0
    while total < size:
        for text in texts:
            # Moved within the block of common Chinese characters and the alphabet, each to another one.
            points = np.frombuffer(text.encode("utf-32-le"), np.uint32).copy()
            for first, count in ((0x4E00, 0x5000), (0x61, 26)):
                inside = (points >= first) & (points < first + count)
                points[inside] = first + (points[inside] - first + 7 * round_) % count
            found.append(points.tobytes().decode("utf-32-le"))
            total += len(found[-1].encode())
            if total >= size:
                break
        round_ += 1
    return found


def _milliseconds(index, passage):
    begin = time.perf_counter()
    index.longest_matches(passage)
    return 1e3 * (time.perf_counter() - begin)


if __name__ == "__main__":
    main()

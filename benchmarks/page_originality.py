"""What a site's index of the training text takes: bytes, and how fast the page's code opens it and finds copies.

    python -m benchmarks.page_originality --corpus novels/ --megabytes=50

The corpus is enlarged as in benchmarks.originality; 0 megabytes leave it as it is. The page's code runs in Node,
which must be there. The last line is one JSON object.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

from benchmarks.originality import enlarged, read_corpus
from export.browser.originality import copies_file
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.evaluation.originality import corpus_index

_SCRIPT = pathlib.Path(__file__).with_name("page_originality.js")
_LOOKUPS = 30


def main():
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", required=True, help="files, folders, globs")
    parser.add_argument("--megabytes", type=float, default=50)
    options = parser.parse_args()
    texts = read_corpus(options.corpus)
    if options.megabytes:
        texts = enlarged(texts, int(options.megabytes * 1e6))
    figures: dict = {"characters": sum(map(len, texts))}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        paths = [folder / f"{number}.txt" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, "utf-8")
        (folder / "all").write_text("\n".join(texts), "utf-8")
        index = corpus_index(
            prepare_corpus(paths, cache_dir=folder / "cache", validation_fraction=0, test_fraction=0)
        )
        for kind in ("index", "hashes"):
            begin = time.perf_counter()
            content = copies_file(kind, index, "corpus")
            (folder / "copies.bin").write_bytes(content)
            figures[kind] = {
                "bytes_a_character": round(len(content) / figures["characters"], 3),
                "seconds_to_write": round(time.perf_counter() - begin, 1),
                **_read(folder),
            }
    print(json.dumps(figures))


def _read(folder):
    command = [
        shutil.which("node") or "node",
        "--expose-gc",
        _SCRIPT,
        folder / "copies.bin",
        "corpus",
        folder / "all",
    ]
    done = subprocess.run([*command, str(_LOOKUPS)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()

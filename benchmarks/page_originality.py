"""What a site's index of the training text takes: bytes, time to find copies, speed of writing without them.

    python -m benchmarks.page_originality --corpus novels/ --megabytes=50 --run_dir=runs/demo

The corpus is enlarged as in benchmarks.originality; 0 megabytes leave it as it is. The page's code runs in a
Chromium, which must be there. With --run_dir the module gpt2.js writes with that model, with `avoidCopying` and
without. The last line is one JSON object.
"""

import argparse
import hashlib
import json
import pathlib
import shutil
import tempfile
import time

from benchmarks.browser_driver import Browser
from benchmarks.originality import enlarged, read_corpus
from export.browser.bundle import BUNDLE_FILE, write_bundle
from export.browser.originality import FOLDER, TrainingText, copies_file, write_originality
from tf_gpt2.data.prepare import prepare_corpus
from tf_gpt2.evaluation.originality import corpus_index

_HERE = pathlib.Path(__file__).parent
_WEB = _HERE.parent / "web"
_LOOKUPS, _TOKENS, _ROUNDS = 30, 400, 7


def main():
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="*", default=[], help="files, folders, globs")
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--repeated", action="store_true", help="one character instead, as long as asked for")
    parser.add_argument("--run_dir", help="a model that writes, with and without copies of the corpus")
    parser.add_argument("--avoid_copying", type=int, default=20)
    options = parser.parse_args()
    texts = _texts(options)
    figures: dict = {"characters": sum(map(len, texts))}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        text = _prepare(folder, texts)
        shutil.copytree(_WEB / "src" / "runtime", folder / "host")
        (folder / "host" / "all.txt").write_text("\n".join(texts), "utf-8")
        (folder / "host" / "index.html").write_text('<!doctype html><meta charset="utf-8">', "utf-8")
        for kind in ("index", "hashes"):
            figures[kind] = _looked_up(folder / "host", kind, text, figures["characters"])
        if options.run_dir:
            figures["writing"] = _written(folder / "site", text, options)
    print(json.dumps(figures))


def _texts(options):
    if options.repeated:
        return ["甲" * (int(options.megabytes * 1e6) // 3)]
    texts = read_corpus(options.corpus)
    return enlarged(texts, int(options.megabytes * 1e6)) if options.megabytes else texts


def _prepare(folder, texts):
    paths = [folder / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, "utf-8")
    prepared = prepare_corpus(paths, cache_dir=folder / "cache", validation_fraction=0, test_fraction=0)
    return TrainingText(prepared, corpus_index(prepared))


def _looked_up(host, kind, text, characters):
    begin = time.perf_counter()
    content = copies_file(kind, text.index, "corpus")
    seconds = time.perf_counter() - begin
    (host / "copies.bin").write_bytes(content)
    return {
        "bytes_a_character": round(len(content) / characters, 3),
        "seconds_to_write": round(seconds, 1),
        **_in_chromium(host, "page_originality.js", {"file": "copies.bin", "text": "all.txt", "lookups": _LOOKUPS}),
    }


def _written(site, text, options):
    shutil.copytree(_WEB / "dist", site)
    write_bundle(options.run_dir, site / "bundle", "int8")
    (site / FOLDER).mkdir()
    model = hashlib.sha256((site / "bundle" / BUNDLE_FILE).read_bytes()).hexdigest()
    write_originality(site / FOLDER, "index", text, model)
    (site / "index.html").write_text('<!doctype html><meta charset="utf-8">', "utf-8")
    given = {"module": "/gpt2.js", "bundle": "/bundle/", "least": options.avoid_copying}
    return _in_chromium(site, "page_avoid_copying.js", given | {"tokens": _TOKENS, "rounds": _ROUNDS})


def _in_chromium(folder, script, given):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, Browser(playwright, folder) as browser:
        return browser.open().evaluate((_HERE / script).read_text("utf-8"), given)


if __name__ == "__main__":
    main()

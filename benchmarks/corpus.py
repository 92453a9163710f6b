"""How fast 50 MB of novels become tokens, and whether the input pipeline keeps a step fed.

    python -m benchmarks.corpus [--source FOLDER] [--megabytes 50] [--step_ms 100]

Without --source the novels are the sample corpus, whose paragraphs are put in another order for
every copy. The first and the second preparation run in processes of their own, so that peak memory
and imports count. The last line of stdout is one JSON object.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_PREPARE = """
import json, re, resource, sys, time
from pathlib import Path
begin = time.perf_counter()
from tf_gpt2.data.prepare import prepare_corpus
imported = time.perf_counter()
corpus = prepare_corpus([sys.argv[1]], cache_dir=sys.argv[2], tokenizer_kind=sys.argv[3])
done = time.perf_counter()
# Linux keeps the parent's peak in ru_maxrss across fork and exec; VmHWM starts afresh.
status = Path("/proc/self/status")
if status.exists():
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
figures = {
    "import_s": imported - begin,
    "prepare_s": done - imported,
    "peak_rss_mb": peak / 1e6,
    "from_cache": corpus.from_cache,
    "folder": str(corpus.folder),
}
print(json.dumps(figures))
"""


def main(argv: list[str] | None = None) -> None:
    """Runs the benchmark."""
    options = _options(argv)
    with tempfile.TemporaryDirectory() as work:
        novels, cache = Path(work, "novels"), Path(work, "cache")
        megabytes = _write_novels(novels, _paragraphs(options.source), options.megabytes * 1e6)
        figures = {"benchmark": "corpus", "corpus_mb": megabytes, "cpu_cores": os.cpu_count()}
        for kind in options.tokenizers.split(","):
            first = _prepare(novels, cache, kind)
            second = _prepare(novels, cache, kind)
            if first["from_cache"] or not second["from_cache"]:
                raise RuntimeError("the first preparation must not come from the cache and the second must")
            figures |= {f"{kind}_first_{name}": first[name] for name in ("import_s", "prepare_s", "peak_rss_mb")}
            figures |= {f"{kind}_second_{name}": second[name] for name in ("prepare_s", "peak_rss_mb")}
            figures[f"{kind}_encode_mb_per_s"] = _encode_speed(Path(first["folder"]), novels)
        figures |= _input_pipeline(Path(first["folder"]), options.step_ms / 1e3)
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}))


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", help="folder of novels to multiply; the sample corpus if left out")
    parser.add_argument("--megabytes", type=float, default=50, help="size of the corpus to prepare")
    parser.add_argument("--step_ms", type=float, default=100, help="length of the pretended training step")
    parser.add_argument("--tokenizers", default="characters", help="characters, bpe, or both with a comma")
    return parser.parse_args(argv)


def _paragraphs(source: str | None) -> list[str]:
    from tf_gpt2.corpus.cleaning import clean
    from tf_gpt2.corpus.reading import expand_corpus, read_books
    from tf_gpt2.corpus.sample import sample_book

    books = [b for path in expand_corpus([source]) for b in read_books(path)] if source else [sample_book()]
    return [paragraph for book in books for paragraph in clean(book.text).split("\n")]


def _write_novels(folder: Path, paragraphs: list[str], size: float, novels: int = 14) -> float:
    """Writes files with the usual debris, half of them in GB18030; returns megabytes."""
    folder.mkdir()
    generator, total = random.Random(0), 0
    for number in range(novels):
        encoding = "gb18030" if number % 2 else "utf-8"
        novel = bytearray()
        while len(novel) < size / novels:
            generator.shuffle(paragraphs)
            copy = "".join(f"\u3000\u3000{paragraph}\r\n\r\n" for paragraph in paragraphs)
            novel += copy.encode(encoding)
        cut = novel.find(b"\n", int(size / novels) - 1) + 1 or len(novel)
        total += (folder / f"novel {number}.txt").write_bytes(novel[:cut])
    return total / 1e6


def _prepare(novels: Path, cache: Path, kind: str) -> dict:
    command = [sys.executable, "-c", _PREPARE, str(novels), str(cache), kind]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _encode_speed(folder: Path, novels: Path) -> float:
    from tf_gpt2.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(folder)
    lines = (novels / "novel 0.txt").read_text("utf-8").splitlines()
    begin = time.perf_counter()
    tokenizer.encode_batch(lines)
    return sum(len(line.encode()) for line in lines) / 1e6 / (time.perf_counter() - begin)


def _input_pipeline(folder: Path, step_s: float, steps: int = 50) -> dict:
    """The share of time a loop waits for its batch, with sleep standing in for the step."""
    import numpy as np

    from tf_gpt2.data.token_files import TokenStream
    from tf_gpt2.data.windows import training_dataset

    tokens = TokenStream(np.memmap(folder / "train.bin", "<u2", mode="r"))
    batches = iter(training_dataset(tokens, context_length=256, batch_size=16, seed=0))
    next(batches)
    waited = 0.0
    for _ in range(steps):
        time.sleep(step_s)
        begin = time.perf_counter()
        next(batches)
        waited += time.perf_counter() - begin
    begin = time.perf_counter()
    for _ in range(500):
        next(batches)
    free_running = 500 * 16 * 256 / (time.perf_counter() - begin)
    return {
        "input_wait_fraction_of_step": waited / (steps * step_s),
        "input_wait_ms_per_step": 1e3 * waited / steps,
        "input_tokens_per_s": free_running,
    }


if __name__ == "__main__":
    main()

"""How a corpus of gigabytes becomes tokens: time of each preparation, and memory of all its processes together.

    python -m benchmarks.preparation --source=FOLDER [--gigabytes=1] [--forms=one,many,line,records]

The texts are those of a folder of novels (the sample corpus without --source), whose paragraphs come in another
order in every copy: as one file, as many, as one line without a break, or as records of a .jsonl, a paragraph each.
With --runner a pipeline of Apache Beam prepares the same on that engine (run this in .venv-beam), and its files
are compared with the others. With --kill the preparation is killed (SIGKILL) that many times on its way, gone
on with, and its files compared with those of one that was left alone. With --checkout another tree prepares the
same. What was made is removed. The last line of stdout is one JSON object.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.corpus import _paragraphs

FORMS = ("one", "many", "line", "records")
_FILES = 200
_PREPARE = """
import json, logging, sys, time
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
begin = time.perf_counter()
from tf_gpt2.data.prepare import prepare_corpus
corpus = prepare_corpus([sys.argv[1]], cache_dir=sys.argv[2], tokenizer_kind=sys.argv[3])
figures = {"seconds": time.perf_counter() - begin, "from_cache": corpus.from_cache, "folder": str(corpus.folder)}
figures |= {"tokens": len(corpus.train), "characters": corpus.report.characters, "texts": len(corpus.report.books)}
print(json.dumps(figures))
"""
_BY_RUNNER = """
import json, logging, sys, time
logging.basicConfig(level=logging.WARNING)
begin = time.perf_counter()
from tf_gpt2.data.elsewhere import prepare_at
from tf_gpt2.training.options import TrainingOptions
options = TrainingOptions(tokenizer=sys.argv[3], min_char_count=None if sys.argv[3] == "bpe" else 1)
place, corpus = prepare_at(
    [sys.argv[1]], sys.argv[2], runner=sys.argv[4], runner_options=sys.argv[5:], **options.preparation
)
print(json.dumps({"seconds": time.perf_counter() - begin, "folder": str(place), "tokens": len(corpus.train)}))
"""


def main(argv: list[str] | None = None) -> None:
    """Runs the benchmark."""
    options = _options(argv)
    figures: dict = {"benchmark": "preparation", "cpu_cores": os.cpu_count()}
    paragraphs = _paragraphs(options.source)
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        for form in options.forms.split(","):
            folder = Path(work, form)
            size = write_texts(folder, paragraphs, options.gigabytes * 1e9, form)
            figures |= {f"{form}_mb": size / 1e6}
            for kind in options.tokenizers.split(","):
                figures |= _figures(f"{form}_{kind}", folder, Path(work, "cache"), kind, options)
            _remove(folder)
    print(json.dumps({k: round(v, 2) if isinstance(v, float) else v for k, v in figures.items()}))


def _figures(name: str, texts: Path, cache: Path, kind: str, options: argparse.Namespace) -> dict:
    tree = options.checkout or str(Path(__file__).parents[1])
    first = prepare(texts, cache, kind, tree)
    second = prepare(texts, cache, kind, tree)
    if first["from_cache"] or not second["from_cache"]:
        raise RuntimeError("the first preparation must not come from the cache and the second must")
    found = {f"{name}_{field}": first[field] for field in ("seconds", "peak_mb", "tokens", "texts", "cache_mb")}
    found |= {f"{name}_again_seconds": second["seconds"], f"{name}_again_peak_mb": second["peak_mb"]}
    if options.runner:
        found |= _by_runner(name, texts, cache.with_name("by runner"), kind, options, _digest(first["folder"]))
    if options.kill:
        digest = _digest(first["folder"])
        _remove(cache)
        found |= {f"{name}_killed_seconds": _killed(texts, cache, kind, tree, options.kill, first["seconds"])}
        found |= {f"{name}_killed_equal": _digest(first["folder"]) == digest}
    _remove(cache)
    return found


def _by_runner(name: str, texts: Path, output: Path, kind: str, options: argparse.Namespace, expected: str) -> dict:
    engine = [options.runner, *filter(None, options.runner_options.split(","))]
    figures = _watched(_BY_RUNNER, [str(texts), str(output), kind, *engine], str(Path(__file__).parents[1]))
    equal = _digest(figures["folder"]) == expected
    _remove(output)
    return {
        f"{name}_runner_seconds": figures["seconds"],
        f"{name}_runner_peak_mb": figures["peak_mb"],
        f"{name}_runner_equal": equal,
    }


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", help="folder of novels to multiply; the sample corpus if left out")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the corpus to prepare")
    parser.add_argument("--forms", default="one,many", help=f"of {', '.join(FORMS)}")
    parser.add_argument("--tokenizers", default="characters", help="characters, bpe, or both with a comma")
    parser.add_argument("--runner", help="Apache Beam's name of an engine that prepares the same too")
    parser.add_argument(
        "--runner_options",
        default="direct_running_mode=multi_processing,direct_num_workers=2",
        help="options of the engine, with commas between them",
    )
    parser.add_argument("--kill", type=int, default=0, help="times that a second preparation is killed")
    parser.add_argument("--checkout", help="another tree to run")
    parser.add_argument("--work", help="folder for texts and cache; the system's for temporary files if left out")
    return parser.parse_args(argv)


def write_texts(folder: Path, paragraphs: list[str], size: float, form: str) -> int:
    """Writes texts of about `size` bytes in a form of `FORMS`; returns how many bytes there are."""
    folder.mkdir(parents=True)
    files = _FILES if form == "many" else 1
    suffix = "jsonl" if form == "records" else "txt"
    for number in range(files):
        with (folder / f"{form} {number:03}.{suffix}").open("wb") as out:
            for piece in _pieces(paragraphs, form, random.Random(number)):
                out.write(piece)
                if out.tell() >= size / files:
                    break
    return sum(path.stat().st_size for path in folder.iterdir())


def _pieces(paragraphs: list[str], form: str, generator: random.Random) -> Iterator[bytes]:
    paragraphs = list(paragraphs)
    while True:
        generator.shuffle(paragraphs)
        for begin in range(0, len(paragraphs), 1000):
            some = paragraphs[begin : begin + 1000]
            if form == "records":
                yield "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in some).encode()
            elif form == "line":
                yield "".join(some).encode()
            else:
                yield "".join(f"\u3000\u3000{text}\r\n\r\n" for text in some).encode()


def prepare(texts: Path, cache: Path, kind: str, tree: str) -> dict:
    """Prepares in a process of its own; its figures, with the peak of what it and its children held."""
    return _watched(_PREPARE, [str(texts), str(cache), kind], tree)


def _watched(code: str, arguments: list[str], tree: str) -> dict:
    process = _start(code, arguments, tree)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f"the preparation ended with {process.returncode}")
    figures = json.loads(process.stdout.read().splitlines()[-1])
    held = sum(path.stat().st_size for path in Path(figures["folder"]).rglob("*") if path.is_file())
    return figures | {"peak_mb": peak / 1e6, "cache_mb": held / 1e6}


def _killed(texts: Path, cache: Path, kind: str, tree: str, times: int, seconds: float) -> float:
    """Seconds of a preparation that is killed at even distances, all its parts together."""
    begin = time.perf_counter()
    for _ in range(times):
        process = _start(_PREPARE, [str(texts), str(cache), kind], tree)
        time.sleep(seconds / (times + 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
    prepare(texts, cache, kind, tree)
    return time.perf_counter() - begin


def _start(code: str, arguments: list[str], tree: str) -> subprocess.Popen:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tree)


def _resident(pid: int) -> int:
    """Bytes in memory of a process and its children; 0 where /proc is missing or they have ended."""
    try:
        status = Path(f"/proc/{pid}/statm").read_text().split()
        children = [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        for thread in Path(f"/proc/{pid}/task").iterdir():
            if thread.name != str(pid):
                children += [int(child) for child in (thread / "children").read_text().split()]
    except (OSError, IndexError):
        return 0
    return int(status[1]) * os.sysconf("SC_PAGE_SIZE") + sum(map(_resident, children))


def _digest(folder: str) -> str:
    total = hashlib.sha256()
    for path in sorted(Path(folder).iterdir()):
        total.update(path.name.encode())
        with path.open("rb") as file:
            while piece := file.read(1 << 22):
                total.update(piece)
    return total.hexdigest()


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Speed, memory and download of the page in a real Chromium: python -m benchmarks.browser [--peer]

A model of the jinyong shape with random weights is exported as a site (84 MB, once, into --folder) and written with
through the page itself, one text of 200 tokens from 64 and one of 60 from 850, in turns with the same page on stock
TensorFlow.js operations and, with --peer, with transformers.js on one thread of WebAssembly. The demo-sized model
measures the start. The last line is one JSON object.
"""

import argparse
import contextlib
import gzip
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

from benchmarks.browser_bandwidth import MemoryReader, int8_bytes
from benchmarks.browser_driver import Browser, write
from benchmarks.browser_memory import undriven_memory
from benchmarks.browser_peer import DTYPES, prepare_peer
from benchmarks.browser_writing import OurPage, SecondVisit, TransformersJs, measure_in_turns
from tf_gpt2.config import preset_config

WEB_DIST = pathlib.Path(__file__).resolve().parent.parent / "web" / "dist"
VOCABULARY = {"jinyong": 13_317, "demo": 3_318}
STOCK = "wasm"


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "tf_gpt2_browser_benchmark"))
    parser.add_argument("--backend", default="", help="as in ?backend=; default: the page's own choice")
    parser.add_argument("--models", default="jinyong,demo")
    parser.add_argument("--threads", type=int, help="also a second visit, whose page is isolated, with ?threads=")
    parser.add_argument("--rounds", type=int, default=3, help="texts that each contender writes of either length")
    parser.add_argument("--texts", type=int, default=20, help="texts after which tensor counts are compared")
    parser.add_argument("--peer", action="store_true", help="with transformers.js (set up once, 1 GB)")
    parser.add_argument("--peer_python", help="has requirements-peers.txt; default: .venv-peers")
    options = parser.parse_args(argv)
    folder = pathlib.Path(options.folder)
    figures = {"benchmark": "browser", "cpu_cores": os.cpu_count(), "script_gzip_bytes": _script_bytes()}
    sites = {name: _site(folder, name) for name in options.models.split(",")}
    peer = prepare_peer(folder, options.peer_python) if options.peer else None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        if "jinyong" in sites:
            figures |= undriven_memory(sites["jinyong"])
            figures |= _measure_writing(playwright, sites["jinyong"], options, peer)
        if "demo" in sites:
            figures |= _measure_start(playwright, sites["demo"], options.backend, options.texts)
    print(json.dumps(figures))


def _script_bytes():
    """JavaScript, styles and page as a host would send them, without tfjs's wasm files."""
    files = [path for path in WEB_DIST.iterdir() if path.suffix in (".js", ".css", ".html")]
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)


def _site(folder, name):
    """Makes the site of a preset with random weights; an earlier one of today's format is used again."""
    from export.browser import bundle
    from export.browser.site import name_shell, write_site

    site = folder / name
    index = site / "bundle" / "bundle.json"
    if index.exists() and json.loads(index.read_text("utf-8"))["version"] == bundle.VERSION:
        shutil.copytree(WEB_DIST, site, dirs_exist_ok=True)
        name_shell(site)
        return site
    print(f"exporting a model of shape {name}", file=sys.stderr)
    model = folder / f"{name}_model"
    _write_model(model, name)
    write_site(model, site, dtype="int8", samples=0)
    shutil.rmtree(model)
    return site


def _write_model(folder, name):
    """Random weights of GPT-2's initialisation: speed does not depend on their values."""
    import numpy as np

    from tf_gpt2.model_directory import save_model_directory, tensor_shapes
    from tf_gpt2.token_bytes import CODE_POINTS
    from tf_gpt2.tokenizer import Tokenizer

    counts = np.zeros(CODE_POINTS, np.int64)
    counts[0x4E00 : 0x4E00 + VOCABULARY[name] - 257] = 1
    tokenizer = Tokenizer.from_character_counts(counts)
    config = preset_config(name, tokenizer.vocab_size)
    generator = np.random.default_rng(0)
    weights = {}
    for tensor, shape in tensor_shapes(config).items():
        array = generator.standard_normal(shape, np.float32) * np.float32(0.02)
        weights[tensor] = array + np.float32("ln_" in tensor and tensor.endswith("weight"))
    save_model_directory(folder, config, weights, tokenizer)


def _measure_writing(playwright, site, options, peer):
    """Figures of the page, the page on stock operations and the peer, each in a browser of its own."""
    with contextlib.ExitStack() as stack:

        def start(folder, contender, choice):
            return contender(stack.enter_context(Browser(playwright, folder)), choice)

        contenders = {"ours": start(site, OurPage, options.backend), "stock": start(site, OurPage, STOCK)}
        if options.threads:
            contenders["threads"] = start(site, SecondVisit, options.threads)
        if peer:
            contenders |= {f"transformers_js_{dtype}": start(peer, TransformersJs, dtype) for dtype in DTYPES}
        chromium = {"chromium": contenders["ours"].browser.version}
        reader = MemoryReader(stack.enter_context(Browser(playwright, site)), int8_bytes(site))
        return chromium | measure_in_turns(contenders, reader, options.rounds)


def _measure_start(playwright, site, backend, texts):
    """Figures of a small model: milliseconds a token, the second visit's start, memory after many texts."""
    with Browser(playwright, site) as browser:
        page = OurPage(browser, backend).page
        prompt = "".join(chr(0x4E00 + i) for i in range(8))
        memory = [tuple(write(page, prompt, 40)[1]["memory"].values()) for _ in range(texts)]
        steps, _ = write(page, prompt, 200)
        page.reload()  # the second visit opens from the cache by itself; then the prompt is written with at once
        page.wait_for_selector("body[data-phase=ready]")
        page.fill("#prompt", prompt)
        pressed = page.evaluate("document.querySelector('#write').click() ?? performance.now()")
        while not page.evaluate("firstToken"):
            page.wait_for_timeout(20)
        first = page.evaluate("firstToken") - pressed
        return {
            "demo_ms_per_token": round(statistics.median(steps[1:]), 2),
            # From the start of the navigation to ready, and from the press to the first token.
            "demo_cache_to_first_token_s": round((page.evaluate("readyAt") + first) / 1000, 2),
            "demo_from_cache": page.evaluate("ready.fromCache"),
            "demo_texts": texts,
            "demo_memory_unchanged": len(set(memory)) == 1,
        }


if __name__ == "__main__":
    main()

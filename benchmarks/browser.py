"""Speed of the page in a real Chromium: python -m benchmarks.browser

A model of the jinyong shape with random weights is exported as a site (84 MB, once, into --folder) and written with
through the page itself, on one thread of WebAssembly. The demo-sized model measures the start. The last line is one
JSON object.
"""

import argparse
import functools
import gzip
import http.server
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading

from tf_gpt2.config import preset_config

WEB_DIST = pathlib.Path(__file__).resolve().parent.parent / "web" / "dist"
VOCABULARY = {"jinyong": 13_317, "demo": 3_318}
POSITIONS = (64, 900)
TOKENS = 32
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
OBSERVE = """
window.runs = []; window.steps = []; window.longTasks = []; window.ready = null;
window.firstToken = 0; window.readyAt = 0;
addEventListener('run-done', (event) => runs.push(event.detail));
addEventListener('model-ready', (event) => { ready = event.detail; readyAt = performance.now(); });
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) longTasks.push([task.startTime, task.duration]);
}).observe({ type: 'longtask', buffered: true });
window.StockWorker = Worker;
window.Worker = class extends StockWorker {
  constructor(...values) {
    super(...values);
    this.addEventListener('message', ({ data }) => {
      if (data.type === 'token') {
        firstToken ||= performance.now();
        steps.push(data.milliseconds);
      }
    });
  }
};
"""


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "tf_gpt2_browser_benchmark"))
    parser.add_argument("--backend", default="wasm", choices=["wasm", "webgl", "webgpu"])
    parser.add_argument("--models", default="jinyong,demo")
    parser.add_argument("--texts", type=int, default=20, help="texts after which tensor counts are compared")
    options = parser.parse_args(argv)
    folder = pathlib.Path(options.folder)
    figures = {"benchmark": "browser", "cpu_cores": os.cpu_count(), "script_gzip_bytes": _script_bytes()}
    sites = {name: _site(folder, name) for name in options.models.split(",")}
    with _Browser(folder) as browser:
        if "jinyong" in sites:
            figures |= _measure_writing(browser, "jinyong", options.backend)
        if "demo" in sites:
            figures |= _measure_start(browser, "demo", options.backend, options.texts)
        figures["chromium"] = browser.version
    print(json.dumps(figures))


def _script_bytes():
    """JavaScript, styles and page as a host would send them, without tfjs's wasm files."""
    files = [path for path in WEB_DIST.iterdir() if path.suffix in (".js", ".css", ".html")]
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)


def _site(folder, name):
    """Makes the site of a preset with random weights; an earlier one with today's page is used again."""
    from export.site import write_site

    site = folder / name
    if (site / "site.json").exists():
        for path in WEB_DIST.iterdir():
            if path.name != "service_worker.js":
                shutil.copy(path, site)
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


class _Browser:
    """A host for the sites and a fresh Chromium."""

    def __init__(self, folder):
        handler = functools.partial(_QuietHandler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self):
        from playwright.sync_api import sync_playwright

        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.playwright = sync_playwright().start()
        path = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
        self.chromium = self.playwright.chromium.launch(executable_path=path, args=FLAGS)
        self.version = self.chromium.version
        return self

    def __exit__(self, *error):
        self.chromium.close()
        self.playwright.stop()
        self.server.shutdown()

    def open(self, name, backend):
        """A tab of a visitor who has never been there."""
        page = self.chromium.new_context().new_page()
        page.set_default_timeout(600_000)
        page.add_init_script(OBSERVE)
        page.goto(f"http://127.0.0.1:{self.server.server_port}/{name}/?backend={backend}")
        page.wait_for_selector("#facts div")
        return page


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def _write(page, prompt, tokens):
    """Writes one text; returns the milliseconds of each token and what the worker reports of the run."""
    page.evaluate("steps.length = 0")
    runs = page.evaluate("runs.length")
    page.fill("#prompt", prompt)
    if page.locator("#settings").get_attribute("open") is None:
        page.click("#settings summary")
    for name, value in {"maxNewTokens": tokens, "seed": 1}.items():
        page.fill(f"#setting-{name}", str(value))
        page.press(f"#setting-{name}", "Tab")
    page.click("#write")
    while page.evaluate("runs.length") == runs:
        page.wait_for_timeout(100)
    page.wait_for_selector("body[data-busy=false]")
    return page.evaluate("steps"), page.evaluate("runs.at(-1)")


def _measure_writing(browser, name, backend):
    page = browser.open(name, backend)
    page.click("#load")
    page.wait_for_selector("body[data-phase=ready]")
    figures = {"backend": page.get_attribute("body", "data-backend"), "model": name}
    figures["self_check_error"] = page.evaluate("ready.maxError")
    figures["simd"] = page.evaluate("ready.simd")
    for position in POSITIONS:
        prompt = "".join(chr(0x4E00 + 7 * i % 5000) for i in range(position))
        started = page.evaluate("performance.now()")
        steps, run = _write(page, prompt, TOKENS)
        long_tasks = [task for task in page.evaluate("longTasks") if task[0] >= started]
        # The first token waits for the prompt.
        figures[f"ms_per_token_at_{position}"] = round(statistics.median(steps[1:]), 2)
        figures[f"prefill_tokens_per_s_{position}"] = round(1000 * position / run["prefillMilliseconds"], 1)
        figures[f"longest_main_task_ms_at_{position}"] = round(max((task[1] for task in long_tasks), default=0))
    figures["tensors"], figures["tensor_bytes"] = run["memory"]["numTensors"], run["memory"]["numBytes"]
    page.context.close()
    return figures


def _measure_start(browser, name, backend, texts):
    page = browser.open(name, backend)
    page.click("#load")
    page.wait_for_selector("body[data-phase=ready]")
    prompt = "".join(chr(0x4E00 + i) for i in range(8))
    memory = [tuple(_write(page, prompt, 40)[1]["memory"].values()) for _ in range(texts)]
    steps, _ = _write(page, prompt, 200)
    page.reload()  # the second visit opens from the cache by itself; then the prompt is written with at once
    page.wait_for_selector("body[data-phase=ready]")
    page.fill("#prompt", prompt)
    pressed = page.evaluate("document.querySelector('#write').click() ?? performance.now()")
    while not page.evaluate("firstToken"):
        page.wait_for_timeout(20)
    first = page.evaluate("firstToken") - pressed
    figures = {
        "demo_ms_per_token": round(statistics.median(steps[1:]), 2),
        # From the start of the navigation to ready, and from the press to the first token.
        "demo_cache_to_first_token_s": round((page.evaluate("readyAt") + first) / 1000, 2),
        "demo_from_cache": page.evaluate("ready.fromCache"),
        "demo_texts": texts,
        "demo_memory_unchanged": len(set(memory)) == 1,
    }
    page.context.close()
    return figures


if __name__ == "__main__":
    main()

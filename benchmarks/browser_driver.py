"""A host, a real Chromium in front of it, and what is measured from outside the page."""

import functools
import gzip
import http.server
import pathlib
import shutil
import threading

GZIPPED = (".css", ".html", ".js", ".json", ".mjs", ".svg", ".wasm")
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


def chromium_path() -> str | None:
    """The machine's browser; None where Playwright's own has to do."""
    return next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)


class Browser:
    """A host for a folder and a Chromium of its own.

    Args:
        playwright: A started Playwright.
        folder: What the host serves.
    """

    def __init__(self, playwright, folder):
        self.sent = set()  # paths of files that were asked for
        handler = functools.partial(_CountingHandler, self.sent, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.chromium = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        self.version = self.chromium.version

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.chromium.close()
        self.server.shutdown()
        self.server.server_close()

    def open(self, address=""):
        """A tab of a visitor who has never been there, at an address below the host's root."""
        page = self.chromium.new_context().new_page()
        page.set_default_timeout(600_000)
        page.add_init_script(OBSERVE)
        page.goto(f"http://127.0.0.1:{self.server.server_port}/{address}")
        return page

    def download_bytes(self) -> int:
        """Bytes of all files that were asked for, each once; code as hosts send it, which is gzipped."""
        return sum(_sent_bytes(path) for path in self.sent)

    def peak_renderer_bytes(self) -> tuple[int, int] | None:
        """Most memory that a page with its workers ever held; None where there is no /proc.

        Returns:
            The renderer's peak resident set, and the same without files and memory that it shares with other
            processes, which are the browser's own code for the most part.
        """
        processes = self.chromium.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        peaks = [_peak_bytes(entry["id"]) for entry in processes if entry["type"] == "renderer"]
        return max((peak for peak in peaks if peak), default=None)


def _sent_bytes(path):
    content = path.read_bytes()
    return len(gzip.compress(content, 6)) if path.suffix in GZIPPED else len(content)


def _peak_bytes(process):
    try:
        lines = pathlib.Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    except OSError:
        return None
    sizes = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines if line.endswith(" kB")}
    return sizes["VmHWM"], sizes["VmHWM"] - sizes["RssFile"] - sizes["RssShmem"]


class _CountingHandler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, sent, *args, **options):
        self.sent = sent
        super().__init__(*args, **options)

    def copyfile(self, source, outputfile):
        self.sent.add(pathlib.Path(source.name))
        super().copyfile(source, outputfile)

    def log_message(self, *args):
        pass


def write(page, prompt, tokens):
    """Has our page write a text; returns the milliseconds of each token and what the worker reports."""
    page.evaluate("steps.length = 0")
    runs = page.evaluate("runs.length")
    page.fill("#prompt", prompt)
    if page.locator("#settings").get_attribute("open") is None:
        page.click("#settings summary")
    for name, value in {"maxNewTokens": tokens, "seed": 1}.items():
        page.fill(f"#setting-{name}", str(value))
        page.press(f"#setting-{name}", "Tab")
    page.uncheck("#setting-finishSentence")  # so many tokens and no more
    page.click("#write")
    while page.evaluate("runs.length") == runs:
        page.wait_for_timeout(100)
    page.wait_for_selector("body[data-busy=false]")
    return page.evaluate("steps"), page.evaluate("runs.at(-1)")

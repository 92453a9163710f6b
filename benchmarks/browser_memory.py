"""Memory of our page in a browser that nobody drives.

A driver has the browser keep what was downloaded, so that it can be asked for. Here the page is served with one
script more, which presses the buttons and tells the host when the text is written; the browser is a plain process,
and what its renderer holds is read from /proc.
"""

import functools
import http.server
import pathlib
import subprocess
import tempfile
import threading

from benchmarks.browser_driver import FLAGS, chromium_path

SECONDS = 60
DRIVE = """
const settled = () => new Promise((resolve) => setTimeout(resolve, 1000));
const until = async (selector) => {
  while (!document.querySelector(selector)) await new Promise((resolve) => setTimeout(resolve, 50));
};
const change = (name, value) => {
  const field = document.querySelector(name);
  field.value = value;
  for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, { bubbles: true }));
};
(async () => {
  await until('#facts div');
  document.querySelector('#load').click();
  await until('body[data-phase=ready]');
  await settled();
  await fetch('/loaded', { method: 'POST' });
  change('#prompt', Array.from({ length: 850 }, (_, i) => String.fromCodePoint(0x4e00 + (7 * i) % 5000)).join(''));
  change('#setting-maxNewTokens', 60);
  const finish = document.querySelector('#setting-finishSentence');
  if (finish.checked) finish.click();
  const written = new Promise((resolve) => addEventListener('run-done', resolve));
  document.querySelector('#write').click();
  await written;
  await settled();
  await fetch('/written', { method: 'POST' });
})();
"""


def undriven_memory(site: pathlib.Path) -> dict:
    """Loads the model and writes 60 tokens after 850.

    Args:
        site: The page's folder.

    Returns:
        MiB that the renderer holds for itself after loading and after the text, and its peaks, private and resident
        (with what it shares with other processes, the browser's code above all). Empty without /proc or a
        browser of the machine's own.
    """
    if not chromium_path() or not pathlib.Path("/proc/self/smaps_rollup").exists():
        return {}
    reports = {"done": threading.Event()}
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Host, reports, directory=str(site))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        address = f"http://127.0.0.1:{server.server_port}/"
        command = [
            chromium_path(),
            "--headless=new",
            *FLAGS,
            "--no-first-run",
            f"--user-data-dir={profile}",
            address,
        ]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            reports["browser"] = browser.pid
            if not reports["done"].wait(SECONDS):
                raise RuntimeError("the page did not write")
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()
            server.server_close()
    loaded, written = reports["/loaded"], reports["/written"]
    return {
        "undriven_private_after_load_mib": loaded["private"],
        "undriven_private_after_850_and_60_mib": written["private"],
        "undriven_peak_private_mib": written["peak_private"],
        "undriven_peak_memory_mib": written["peak"],
    }


def _renderer_memory(browser):
    """MiB of the largest renderer among the browser's processes."""
    sizes = []
    for process in _descendants(browser):
        try:
            if b"--type=renderer" not in (process / "cmdline").read_bytes():
                continue
            status, rollup = (_sizes(process / name) for name in ("status", "smaps_rollup"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
        sizes.append(
            {
                "peak": status["VmHWM"],
                "peak_private": status["VmHWM"] - status["RssFile"] - status["RssShmem"],
                "private": rollup["Private_Clean"] + rollup["Private_Dirty"],
            }
        )
    largest = max(sizes, key=lambda size: size["peak"])
    return {name: round(size / 1024, 1) for name, size in largest.items()}


def _descendants(process):
    folder = pathlib.Path(f"/proc/{process}")
    yield folder
    for thread in (folder / "task").iterdir():
        for child in (thread / "children").read_text("utf-8").split():
            yield from _descendants(child)


def _sizes(file):
    lines = file.read_text("utf-8").splitlines()
    return {line.split(":")[0]: int(line.split()[-2]) for line in lines if line.endswith(" kB")}


class _Host(http.server.SimpleHTTPRequestHandler):
    def __init__(self, reports, *args, **options):
        self.reports = reports
        super().__init__(*args, **options)

    def do_GET(self):
        if self.path == "/":
            page = (pathlib.Path(self.directory) / "index.html").read_bytes()
            self._send(page.replace(b"</body>", b'<script src="drive.js"></script></body>'), "text/html")
        elif self.path == "/drive.js":
            self._send(DRIVE.encode(), "text/javascript")
        else:
            super().do_GET()

    def do_POST(self):
        self.reports[self.path] = _renderer_memory(self.reports["browser"])
        self._send(b"", "text/plain")
        if self.path == "/written":
            self.reports["done"].set()

    def _send(self, content, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass

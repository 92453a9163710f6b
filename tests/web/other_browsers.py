"""Firefox and WebKitGTK for the tests, driven in the same few words; each start has a profile of its own."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIREFOX = ROOT / "web" / "firefox"
# Where the machine has no Node, make has fetched one.
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), str(ROOT / ".venv-node" / "bin")])
REMEDY = "make browsers installs what these tests need where root; elsewhere: apt install"

WATCH = """(() => {
  const reported = (globalThis.reported = []);
  const tell = console.error;
  console.error = (...words) => { reported.push(words.join(" ")); tell(...words); };
  addEventListener("error", (event) => reported.push(event.message));
  addEventListener("unhandledrejection", (event) => reported.push(String(event.reason)));
})()"""


class MissingError(Exception):
    """A program that the tests need is not there."""


def find(*names, package):
    """The path of the first program that is there."""
    path = next((found for name in names if (found := shutil.which(name, path=PATH))), None)
    if path is None:
        raise MissingError(f"{' or '.join(names)} is missing. {REMEDY} {package}")
    return path


class Browser:
    """What a subclass must do: open, reload, evaluate, click, errors, close."""

    def wait_until(self, expression, seconds=60):
        """Waits for an expression to be true."""
        end = time.monotonic() + seconds
        while not self.evaluate(f"Promise.resolve({expression}).then(Boolean)"):
            if time.monotonic() > end:
                what = self.evaluate("document.body.innerText.slice(0, 500)")
                raise AssertionError(f"still not true after {seconds} s: {expression}; the page: {what}")
            time.sleep(0.1)

    def fill(self, selector, text):
        """As typing and leaving the field does."""
        self.evaluate(
            f"(() => {{ const field = document.querySelector({json.dumps(selector)});"
            f" field.value = {json.dumps(str(text))};"
            " for (const name of ['input', 'change'])"
            " field.dispatchEvent(new Event(name, { bubbles: true })); })()"
        )


class Firefox(Browser):
    """Over WebDriver BiDi, by web/firefox/drive.js."""

    def __init__(self):
        path = find("firefox-esr", "firefox", package="firefox-esr")
        if not (FIREFOX / "node_modules").exists():
            raise MissingError("web/firefox/node_modules is missing; run make browsers")
        command = [find("node", package="nodejs"), "drive.js", path]
        self._node = subprocess.Popen(
            command, cwd=FIREFOX, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def _ask(self, order, value=True):
        self._node.stdin.write(json.dumps({order: value}) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        answer = json.loads(line) if line else {"error": "Firefox did not start, or has ended"}
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def open(self, url):
        self._ask("open", url)

    def reload(self):
        self._ask("reload")

    def evaluate(self, expression):
        return self._ask("evaluate", expression)

    def click(self, selector):
        self._ask("click", selector)

    @property
    def errors(self):
        return self._ask("errors")

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self._node.stdin.close()
        self._node.wait(30)
        self._node.stdout.close()


class WebKit(Browser):
    """Over WebDriver, whose orders are a request each, on a display that nobody sees.

    What a page reports while it loads stays unknown: WebKit's driver tells nothing of a console.
    """

    def __init__(self):
        driver = find("WebKitWebDriver", package="webkit2gtk-driver")
        self._screen = subprocess.Popen(
            [find("Xvfb", package="xvfb"), "-displayfd", "1", "-nolisten", "tcp"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        display = ":" + self._screen.stdout.readline().decode().strip()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        environment = {**os.environ, "DISPLAY": display, "LC_ALL": "C.UTF-8"}
        self._driver = subprocess.Popen([driver, f"--port={self._port}"], env=environment)
        self._session = ""
        self._session = f"/session/{self._first('/session', capabilities={})['sessionId']}"
        self._former = []  # errors of pages that were left

    def _first(self, path, **order):
        """The driver needs a moment until it listens."""
        for _ in range(100):
            try:
                return self._ask("POST", path, **order)
            except urllib.error.URLError:
                time.sleep(0.1)
        raise RuntimeError("WebKitWebDriver does not answer")

    def _ask(self, method, path, **order):
        body = json.dumps(order).encode() if method == "POST" else None
        headers = {"Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self._port}{self._session}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(error.read().decode()) from None

    def open(self, url):
        self._former = self.errors
        self._ask("POST", "/url", url=url)
        self.evaluate(WATCH)

    def reload(self):
        self._former = self.errors
        self._ask("POST", "/refresh")
        self.evaluate(WATCH)

    def evaluate(self, expression):
        script = (
            f"const done = arguments[0]; Promise.resolve(({expression}))"
            ".then((value) => done(value ?? null), (error) => done(String(error)));"
        )
        return self._ask("POST", "/execute/async", script=script, args=[])

    def click(self, selector):
        element = self._ask("POST", "/element", using="css selector", value=selector)
        self._ask("POST", f"/element/{next(iter(element.values()))}/click")

    @property
    def errors(self):
        return self._former + self.evaluate("globalThis.reported ?? []")

    def close(self):
        if self._session:
            self._ask("DELETE", "")
        for process in (self._driver, self._screen):
            process.terminate()
            process.wait(30)
        self._screen.stdout.close()


BROWSERS = {"firefox": Firefox, "webkit": WebKit}

"""A static host for tests, with faults on demand."""

import contextlib
import dataclasses
import functools
import http.server
import threading
import time


@dataclasses.dataclass
class Answer:
    """What a host sends instead of a file."""

    status: int
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""


# A network that wants its users to sign in answers every address so.
SIGN_IN_PAGE = Answer(200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sign in</title>")


class SiteServer:
    """Serves a folder under the path /some/where/, as a project page of a host does.

    Attributes:
        faults: By the end of a path: "missing", "damaged", "slow", "broken off", or an Answer.
        headers: Sent with every file.
        types: Content types by the end of a path, for a host that knows other ones.
        clean_urls: Whether /index.html leads to / and /page.html to /page, as some hosts have it.
        requests: Paths asked for, in order.
    """

    def __init__(self, folder):
        self.folder, self.faults, self.requests = folder, {}, []
        self.headers, self.types, self.clean_urls = {}, {}, False
        self._server, self.port = None, 0
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/some/where/"

    @property
    def model_requests(self):
        return [path for path in self.requests if path.startswith("bundle/") and path != "bundle/bundle.json"]

    def start(self):
        """Starts, on the former port when there was one."""
        handler = functools.partial(_Handler, self)
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        """From now on the host cannot be reached."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def __init__(self, site, *args):
        self.site = site
        super().__init__(*args, directory=str(site.folder))

    def translate_path(self, path):
        return super().translate_path(path.removeprefix("/some/where"))

    def do_GET(self):  # noqa: N802  http.server's name
        path = self.path.split("?")[0].removeprefix("/some/where/")
        self.site.requests.append(path)
        fault = next((fault for end, fault in self.site.faults.items() if path.endswith(end)), None)
        with contextlib.suppress(ConnectionError):
            if fault == "missing":
                self.send_error(404)
            elif isinstance(fault, Answer):
                self._answer(fault)
            elif self.site.clean_urls and path.endswith("index.html"):
                self._answer(Answer(308, {"Location": self.path.replace("index.html", "")}))
            elif fault is None:
                super().do_GET()
            else:
                self._spoil(fault)

    def _answer(self, answer):
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        super().end_headers()
        self.wfile.write(answer.body)

    def end_headers(self):
        """The host's own headers come with every file."""
        for name, value in self.site.headers.items():
            self.send_header(name, value)
        super().end_headers()

    def guess_type(self, path):
        """The host's own types come first."""
        own = next((kind for end, kind in self.site.types.items() if str(path).endswith(end)), None)
        return own or super().guess_type(path)

    def _spoil(self, fault):
        with open(self.translate_path(self.path), "rb") as file:
            content = file.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2
        if fault == "damaged":
            self.wfile.write(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
        else:
            self.wfile.write(content[:half])
            if fault == "slow":
                time.sleep(3)
                self.wfile.write(content[half:])

    def log_message(self, *args):
        pass

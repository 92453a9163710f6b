"""How fast a page can read memory, measured in the browser that writes: the floor of milliseconds a token."""

import base64
import json
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
COMPILER = ROOT / "web" / "node_modules" / "assemblyscript" / "bin" / "asc.js"
PASSES = 10
SET_UP = """async ([module, bytes]) => {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) });
  const code = Uint8Array.from(atob(module), (character) => character.charCodeAt(0));
  const { instance } = await WebAssembly.instantiate(code, { env: { memory } });
  new Uint8Array(memory.buffer).fill(1);
  window.readAll = () => {
    const start = performance.now();
    instance.exports.sum(0, bytes);
    return performance.now() - start;
  };
}"""


def int8_bytes(site: pathlib.Path) -> int:
    """Bytes of the int8 matrices of a site's bundle: what every token must read, without scales and the cache."""
    [group] = json.loads((site / "bundle" / "weights_manifest.json").read_text("utf-8"))
    return sum(4 * entry["shape"][0] for entry in group["weights"] if entry["name"].endswith("/int8"))


class MemoryReader:
    """A tab that reads as many bytes as the weights have.

    Args:
        browser: A `browser_driver.Browser`.
        size: Bytes to read; a multiple of 128 is taken.

    Attributes:
        size: The same.
    """

    def __init__(self, browser, size):
        self.size = size
        self.page = browser.open()
        self.page.evaluate(SET_UP, [base64.b64encode(_compile()).decode(), size // 128 * 128])

    def milliseconds(self) -> float:
        """The fastest of some passes: whatever else runs can only make it slower."""
        self.page.bring_to_front()
        return min(self.page.evaluate("readAll()") for _ in range(PASSES))


def _compile():
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "bandwidth.wasm"
        options = ["--optimizeLevel", "3", "--enable", "simd", "--runtime", "stub", "--use", "abort="]
        memory = ["--importMemory", "--initialMemory", "0"]
        source = str(HERE / "browser_bandwidth.ts")
        node = shutil.which("node") or str(ROOT / ".venv-node" / "bin" / "node")
        subprocess.run([node, str(COMPILER), source, "--outFile", str(output), *options, *memory], check=True)
        return output.read_bytes()

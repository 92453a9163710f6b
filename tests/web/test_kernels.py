"""The page computes with its own kernels by default, as Keras does; without them it writes all the same."""

import numpy as np
import pytest

from web.site_server import SiteServer
from web.web_page import keras_logits, largest_logit, load, make_model_directory, notices, visit, wait_until, write

SERVICE_WORKERS = "block"

PROMPT = "却说曹操引兵"
NO_SIMD = "--js-flags=--no-enable-sse4-1 --no-enable-ssse3 --no-enable-sse3"


def assert_greedy(page, bundle):
    """Every token that the page writes has Keras's largest logit, or one that rounding cannot tell from it."""
    write(page, PROMPT, maxNewTokens=40, temperature=0)
    snapshot = page.evaluate("runs.at(-1).snapshot")
    ids, new = snapshot["window"], len(snapshot["newIds"])
    assert new >= 10
    logits = keras_logits(bundle, ids[:-1])[-new:]  # [new, V]
    chosen = logits[np.arange(new), ids[-new:]]
    behind = logits.max(axis=1) - chosen
    assert np.all(behind <= 1e-3 * np.abs(logits).max())
    assert np.mean(behind == 0) > 0.9


@pytest.fixture(scope="module")
def odd_model_directory(tmp_path_factory):
    """Heads of 10, which fill no vector, and widths and a vocabulary that fill no tile."""
    return make_model_directory(tmp_path_factory.mktemp("odd"), seed=3, hidden_dim=30)


def serve(model_directory, folder, dtype="int8"):
    from export.browser.site import write_site

    write_site(model_directory, folder, dtype=dtype, samples=0)
    return SiteServer(folder)


def test_the_default_are_kernels_that_compute_what_keras_computes(open_page, site_folder):
    page = open_page()
    load(page)
    ready = page.evaluate("ready")
    assert (ready["backend"], ready["passedOver"]) == ("kernels", "")
    assert ready["maxError"] < 3e-4 * largest_logit(site_folder / "bundle")
    assert ready["millisecondsPerToken"] > 0
    assert "kernels" in page.text_content("#technical-line")
    assert_greedy(page, site_folder / "bundle")
    assert (notices(page), page.errors) == ([], [])


def test_kernels_of_odd_shapes_compute_what_keras_computes(open_page, odd_model_directory, tmp_path):
    server = serve(odd_model_directory, tmp_path / "odd")
    page = visit(open_page().context, server.url)
    load(page)
    assert page.evaluate("ready.backend") == "kernels"
    assert page.evaluate("ready.maxError") < 3e-4 * largest_logit(tmp_path / "odd" / "bundle")
    assert_greedy(page, tmp_path / "odd" / "bundle")
    server.stop()


def test_a_long_text_rolls_over_the_context_and_leaves_no_tensors(open_page):
    page = open_page()
    load(page)
    write(page, PROMPT, maxNewTokens=100)
    before = page.evaluate("runs.at(-1).memory")
    write(page, "玄德" * 30, maxNewTokens=100)
    assert page.evaluate("runs.at(-1).memory") == before
    assert page.evaluate("runs.at(-1).finish") == "length"


def no_operation_module():
    """WebAssembly with the kernels' names and nothing behind them: functions that return at once."""

    def section(number, content):
        return bytes([number, len(content)]) + content

    names = [b"attend", b"gelu", b"layerNorm", b"multiply", b"quantise", b"topK"]
    exports = b"".join(bytes([len(name)]) + name + bytes([0, 0]) for name in names)
    return (
        b"\0asm\1\0\0\0"
        + section(1, bytes([1, 0x60, 0, 0]))  # one type: no arguments, no result
        + section(3, bytes([1, 0]))
        + section(7, bytes([len(names)]) + exports)
        + section(10, bytes([1, 2, 0, 0x0B]))
    )


def spoil_nothing(site):
    pass


def damage_kernels(site):
    (site.folder / "kernels.wasm").write_bytes(b"<html>not found</html>")


def lose_kernels(site):
    (site.folder / "kernels.wasm").unlink()


def empty_kernels(site):
    (site.folder / "kernels.wasm").write_bytes(no_operation_module())


def hide_memory(site):
    """As a tfjs that keeps its memory elsewhere."""
    script = site.folder / "worker_wasm.js"
    script.write_text("WebAssembly.Memory = class {};\n" + script.read_text("utf-8"), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "flags", "reason", "hints"),
    [
        (damage_kernels, (), "WebAssembly", []),
        (lose_kernels, (), "404", []),
        (empty_kernels, (), "golden_mismatch", []),
        (hide_memory, (), "memory is not where it was", []),
        (spoil_nothing, (NO_SIMD,), "no WebAssembly SIMD", ["no_simd"]),
    ],
)
def test_without_working_kernels_stock_operations_write(open_page, site, spoil, flags, reason, hints):
    spoil(site)
    page = open_page("", *flags)
    load(page)
    ready = page.evaluate("ready")
    assert ready["backend"] == "wasm"
    assert reason in ready["passedOver"]
    assert reason in page.text_content("#technical-line")
    assert ready["maxError"] < 3e-4 * largest_logit(site.folder / "bundle")
    assert notices(page) == hints
    assert write(page, PROMPT, maxNewTokens=10)[0]


def test_weights_of_another_kind_run_on_stock_operations(open_page, model_directory, tmp_path):
    server = serve(model_directory, tmp_path / "float16", "float16")
    page = visit(open_page().context, server.url)
    load(page)
    assert page.evaluate("ready.backend") == "wasm"
    assert "float16" in page.evaluate("ready.passedOver")
    assert write(page, PROMPT, maxNewTokens=10)[0]
    server.stop()


def test_the_address_chooses_stock_operations(open_page):
    page = open_page("?backend=wasm")
    load(page)
    assert page.evaluate("[ready.backend, ready.passedOver]") == ["wasm", ""]
    wait_until(page, "document.querySelector('#technical-line').textContent.includes('wasm SIMD')")

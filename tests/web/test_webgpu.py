"""The page on WebGPU, here a software adapter: what it writes, when it is chosen, and what follows a loss."""

import json

import pytest

from web.site_server import SiteServer
from web.web_page import (
    WEBGPU,
    load,
    make_model_directory,
    notices,
    set_setting,
    texts,
    visit,
    wait_idle,
    wait_ready,
    wait_until,
    write,
)

# The software adapter under the name of a card.
PLAY_A_CARD = """
const info = { vendor: "maker", architecture: "seven", device: "", description: "" };
Object.defineProperty(GPUAdapter.prototype, "info", { get: () => info });
"""
KEEP_THE_DEVICE = """
const requestDevice = GPUAdapter.prototype.requestDevice;
GPUAdapter.prototype.requestDevice = async function (...values) {
  return (globalThis.device = await requestDevice.apply(this, values));
};
"""
WIN = """
const post = globalThis.postMessage;
globalThis.postMessage = (message) =>
  post.call(globalThis, message.type === "ready" ? { ...message, millisecondsPerToken: 0.001 } : message);
"""


def put_before(site, file, script):
    path = site.folder / file
    path.write_text(f"{{{script}}}\n{path.read_text('utf-8')}", "utf-8")


def open_on_graphics_card(open_page):
    page = open_page("?backend=webgpu", *WEBGPU)
    load(page)
    if page.get_attribute("body", "data-backend") != "webgpu":
        pytest.skip("this Chromium has no WebGPU adapter")
    return page


NAMES = {"topK": "top_k", "topP": "top_p", "repetitionPenalty": "repetition_penalty", "temperature": "temperature"}


def test_a_seed_gives_the_text_that_python_writes_and_writing_allocates_nothing(open_page, python_model):
    page = open_on_graphics_card(open_page)
    # The likeliest tokens found on the device; then all logits, for a penalty needs them. Past the context of 48.
    for values in ((5, 0.8, 1, 1.5), (40, 1, 1.3, 1)):
        settings = dict(zip(NAMES, values, strict=True))
        expected = python_model.generate(
            "玄德", max_new_tokens=52, seed=7, **{NAMES[name]: value for name, value in settings.items()}
        )
        written = write(page, "玄德", maxNewTokens=52, seed=7, **settings)[0]
        assert "玄德" + written == expected.rstrip("\ufffd")
    before, after = (page.evaluate(f"runs[{run}].memory") for run in range(2))
    assert before == after
    assert before["numBytes"] > 100_000
    assert page.errors == []


@pytest.mark.slow
def test_a_bundle_of_float16_and_a_width_that_fits_no_group(chromium, tmp_path):
    from export.browser.site import write_site

    model = make_model_directory(tmp_path / "model", hidden_dim=30)
    write_site(model, tmp_path / "site", dtype="float16", name="odd", samples=0)
    server = SiteServer(tmp_path / "site")
    with chromium(*WEBGPU).new_context(locale="zh-CN") as context:
        page = visit(context, server.url + "?backend=webgpu")
        load(page)
        backend, error = page.get_attribute("body", "data-backend"), page.evaluate("ready.maxError")
    server.stop()
    if backend != "webgpu":
        pytest.skip("this Chromium has no WebGPU adapter")
    assert error < 1e-4


@pytest.mark.slow  # test_trouble.py has a lost card with WebGL
def test_a_lost_device_keeps_the_text_and_goes_on_elsewhere(open_page, site):
    put_before(site, "worker_webgpu.js", KEEP_THE_DEVICE)
    page = open_on_graphics_card(open_page)
    set_setting(page, "maxNewTokens", 2000)
    page.fill("#prompt", "却说")
    page.click("#write")
    page.wait_for_selector("article .fresh:not(:empty)")
    page.workers[-1].evaluate("device.destroy()")
    wait_until(page, "document.body.dataset.backend && document.body.dataset.backend !== 'webgpu'")
    wait_ready(page)
    assert notices(page) == ["switched"]
    kept = page.inner_text("article .passage")
    assert len(kept) > 2
    set_setting(page, "maxNewTokens", 10)
    page.click("#continue")
    wait_until(page, "runs.length === 1")
    assert page.inner_text("article .passage").startswith(kept)


@pytest.mark.slow
def test_a_shader_that_the_driver_refuses_leads_to_the_next_backend(open_page, site):
    worker = site.folder / "worker_webgpu.js"
    script = worker.read_text("utf-8")
    assert "inverseSqrt" in script
    worker.write_text(script.replace("inverseSqrt", "noSuchFunction"), "utf-8")
    page = open_page("?backend=webgpu", *WEBGPU)
    load(page)
    assert page.get_attribute("body", "data-backend") != "webgpu"
    assert notices(page) == ["switched"]
    assert write(page, "却说", maxNewTokens=10)[0]


def recalled(page):
    return json.loads(page.evaluate("localStorage.getItem('tf_gpt2 graphics')") or "{}")


def test_a_program_that_plays_a_card_is_not_tried(open_page):
    page = open_page("", *WEBGPU)
    load(page)
    page.wait_for_timeout(2500)
    assert recalled(page) == {}
    assert len(page.workers) == 1


@pytest.mark.slow
def test_a_slower_card_is_tried_once_and_left_alone(open_page, site):
    put_before(site, "app.js", PLAY_A_CARD)
    page = open_page("", *WEBGPU)
    load(page)
    backend = page.get_attribute("body", "data-backend")
    wait_until(page, "localStorage.getItem('tf_gpt2 graphics')")
    written = write(page, "却说曹操", maxNewTokens=20, seed=3)[0]
    for _ in range(200):
        if len(page.workers) == 1:
            break
        page.wait_for_timeout(100)
    assert len(page.workers) == 1
    assert recalled(page)["choice"] == "stay"
    assert page.get_attribute("body", "data-backend") == backend
    assert texts(page) == [written]
    assert (page.errors, notices(page)) == ([], [])


def test_a_faster_card_takes_over_between_two_texts_and_begins_the_next_visit(open_page, site):
    put_before(site, "app.js", PLAY_A_CARD)
    put_before(site, "worker_webgpu.js", WIN)
    page = open_page("", *WEBGPU)
    load(page)
    assert page.get_attribute("body", "data-backend") != "webgpu"
    written = write(page, "却说曹操", maxNewTokens=20, temperature=0)[0]
    wait_until(page, "document.body.dataset.backend === 'webgpu'")
    assert texts(page) == [written]
    assert recalled(page)["choice"] == "webgpu"
    page.click("#continue")
    wait_until(page, "runs.length === 2")
    wait_idle(page)
    assert texts(page)[0].startswith(written)
    again = visit(page.context, site.url)
    wait_ready(again)
    assert again.get_attribute("body", "data-backend") == "webgpu"
    assert page.errors + again.errors == []

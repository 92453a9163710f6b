"""What can go wrong: a sentence says what and what to do, the page stays usable, nothing is half kept."""

import json

import pytest

from web.site_server import SIGN_IN_PAGE, Answer
from web.web_page import load, make_model_directory, model_caches, notices, visit, wait_ready, wait_until, write

SERVICE_WORKERS = "block"
NO_GRAPHICS = ("--disable-gpu", "--disable-3d-apis", "--disable-software-rasterizer")


def kept_files(page):
    """Names of the model's files that the browser keeps."""
    script = """(async () => {
      const names = (await caches.keys()).filter((name) => name.includes(" model "));
      const lists = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return lists.flat().map(({ url }) => url.split("/").pop());
    })()"""
    return set(page.evaluate(script))


def failed(page):
    page.wait_for_selector("body[data-phase=failed]", timeout=60_000)
    return notices(page)


FAULTS = [
    ("missing", "shard1of1.bin", "missing_file"),
    ("damaged", "tokenizer.json", "wrong_hash"),
    ("broken off", "shard1of1.bin", "offline"),
    (Answer(429, {"Retry-After": "600"}), "shard1of1.bin", "host_busy"),
    (SIGN_IN_PAGE, "bundle.json", "web_page"),
    (Answer(302, {"Location": "http://localhost:1/login"}), "shard1of1.bin", "led_away"),
]
# web/test/bundle.test.js has every fault with every code; these in a browser too are for make test-all.
OTHER_FAULTS = [
    ("missing", "bundle.json", "missing_file"),
    ("damaged", "shard1of1.bin", "wrong_hash"),
    (Answer(500), "bundle.json", "host_fault"),
    (Answer(403), "tokenizer.json", "host_refuses"),
    (SIGN_IN_PAGE, "shard1of1.bin", "web_page"),
]


@pytest.mark.parametrize(
    ("fault", "path", "code"), [*FAULTS, *(pytest.param(*fault, marks=pytest.mark.slow) for fault in OTHER_FAULTS)]
)
def test_a_bad_file_is_named_and_the_next_try_works(open_page, site, fault, path, code):
    site.faults[path] = fault
    page = open_page()
    page.click("#load")
    assert failed(page) in ([code], ["wrong_hash"] if fault == "broken off" else [code])
    assert path.split(".")[0] in page.inner_text("#notices") or code == "offline"
    if isinstance(fault, Answer) and "Retry-After" in fault.headers:
        assert "HTTP 429, Retry-After: 600" in page.inner_text("#notices")
    assert kept_files(page).isdisjoint({path, "bundle.json"})  # what came right stays, and opens nothing
    page.fill("#prompt", "却说")
    site.faults.clear()
    load(page)
    assert notices(page) == []
    assert write(page, "却说", maxNewTokens=10)[0]


def test_another_bundle_version_is_refused(open_page, site):
    path = site.folder / "bundle" / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"version": 99}), "utf-8")
    page = open_page()
    page.click("#load")
    assert failed(page) == ["bundle_version"]
    assert "99" in page.inner_text("#notices")
    assert kept_files(page) == set()


def test_a_full_store_writes_all_the_same_and_keeps_nothing(open_page, site):
    page = open_page("?quota")
    session = page.context.new_cdp_session(page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": site.url.split("/some")[0], "quotaSize": 1})
    load(page)
    assert notices(page) == ["storage_full"]
    assert model_caches(page) == []
    assert write(page, "却说", maxNewTokens=10)[0]


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("missing", "bundle.json"),
        (SIGN_IN_PAGE, "bundle/"),
        (SIGN_IN_PAGE, "bundle.json"),
        (Answer(503), ""),
        ("newer", "shard1of1.bin"),
    ],
)
def test_what_is_kept_opens_whatever_the_host_answers(open_page, site, tmp_path, fault, path):
    page = open_page(service_workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    load(page)
    expected = write(page, "却说", maxNewTokens=20, seed=3)
    if fault == "newer":  # and its weights cannot be had
        from export.browser.bundle import write_bundle

        write_bundle(make_model_directory(tmp_path / "newer", seed=1), site.folder / "bundle", "int8")
        fault = Answer(503)
    site.faults[path] = fault
    page = visit(page.context, site.url)
    wait_ready(page)
    assert page.evaluate("ready.fromCache")
    assert write(page, "却说", maxNewTokens=20, seed=3) == expected
    assert "failed" not in page.get_attribute("body", "data-phase")
    assert set(notices(page)) <= {"model_not_fetched", "model_coming"}


def test_a_large_new_version_is_offered_and_a_reload_in_its_middle_goes_on(open_page, site, tmp_path):
    from export.browser.bundle import write_bundle

    page = open_page()
    load(page)
    before = write(page, "却说", maxNewTokens=20, seed=3)
    large = make_model_directory(tmp_path / "newer", seed=1, hidden_dim=528)
    size = write_bundle(large, site.folder / "bundle", "int8")["bytes"]
    assert size > 5e6 and (site.folder / "bundle" / "group1-shard2of2.bin").exists()
    page = visit(page.context, site.url)
    wait_until(page, "Boolean(document.querySelector('[data-code=model_offered]'))")
    assert f"{size / 1e6:.1f} MB" in page.inner_text("[data-code=model_offered]")
    site.requests.clear()
    page.wait_for_timeout(300)
    assert site.model_requests == []
    site.faults["shard2of2.bin"] = Answer(503)
    page.click("[data-code=model_offered] button")
    wait_until(page, "Boolean(document.querySelector('[data-code=model_not_fetched]'))")
    assert write(page, "却说", maxNewTokens=20, seed=3) == before
    site.faults.clear()
    site.requests.clear()
    page = visit(page.context, site.url)  # what is left is small now
    wait_until(page, "Boolean(document.querySelector('[data-code=model_kept]'))")
    assert not any("shard1of2" in path for path in site.model_requests)
    page = visit(page.context, site.url)
    wait_ready(page)
    assert page.evaluate("ready.fromCache")
    assert write(page, "却说", maxNewTokens=20, seed=3) != before


def test_a_reload_in_the_middle_of_a_download_goes_on_where_it_was(open_page, site):
    site.faults["tokenizer.json"] = "slow"
    page = open_page()
    page.click("#load")
    wait_until(page, "caches.keys().then(names => names.some(name => name.includes(' model ')))")
    for _ in range(80):  # as long as tokenizer.json takes
        if "golden.json" in (kept := kept_files(page)):
            break
        page.wait_for_timeout(30)
    assert "golden.json" in kept and "bundle.json" not in kept
    site.faults.clear()
    site.requests.clear()
    page.reload()
    load(page)
    assert kept.isdisjoint(path.split("/")[-1] for path in site.model_requests)
    assert write(page, "却说", maxNewTokens=10)[0]


def test_a_tab_closed_while_loading_leaves_nothing_half(open_page, site):
    site.faults["shard1of1.bin"] = "slow"
    page = open_page()
    page.click("#load")
    page.wait_for_selector("#progress:visible")
    wait_until(page, "document.querySelector('#progress-bar').value > 0")
    context = page.context
    page.close()
    site.faults.clear()
    page = visit(context, site.url)
    page.wait_for_selector("#facts div")
    assert "bundle.json" not in kept_files(page)
    load(page)
    assert write(page, "却说", maxNewTokens=10)[0]


def take_webassembly_away(site):
    """As a browser with it switched off; Chromium itself has no flag for that any more."""
    script = site.folder / "worker_wasm.js"
    script.write_text("delete globalThis.WebAssembly;\n" + script.read_text("utf-8"), "utf-8")


def test_without_webassembly_the_graphics_card_writes(open_page, site):
    take_webassembly_away(site)
    page = open_page()
    load(page)
    assert page.get_attribute("body", "data-backend") == "webgl"
    assert notices(page) == ["switched"]
    assert "WebAssembly" in page.inner_text("#notices")
    assert write(page, "却说", maxNewTokens=10)[0]


def test_without_webassembly_and_graphics_the_page_says_so(open_page, site):
    take_webassembly_away(site)
    page = open_page("", *NO_GRAPHICS)
    page.click("#load")
    assert "no_webassembly" in failed(page)
    page.click("#sample-next")
    wait_until(page, "document.querySelector('#sample-place').textContent === '2 / 2'")


def test_without_simd_it_writes_and_says_that_it_is_slow(open_page):
    page = open_page("", "--js-flags=--no-enable-sse4-1 --no-enable-ssse3 --no-enable-sse3")
    load(page)
    if page.evaluate("ready.simd"):
        pytest.skip("this Chromium cannot do without SIMD")
    assert notices(page) == ["no_simd"]
    assert write(page, "却说", maxNewTokens=10)[0]


def test_a_graphics_card_lost_while_writing_keeps_the_text_and_goes_on_elsewhere(open_page):
    page = open_page("?backend=webgl")
    load(page)
    page.fill("#prompt", "却说")
    page.click("#settings summary")
    page.fill("#setting-maxNewTokens", "2000")
    page.press("#setting-maxNewTokens", "Tab")
    page.click("#write")
    page.wait_for_selector("article .fresh:not(:empty)")
    lose = "_tfengine.backendInstance.gpgpu.gl.getExtension('WEBGL_lose_context').loseContext()"
    page.workers[-1].evaluate(lose)
    wait_until(page, "document.body.dataset.backend === 'kernels'")
    wait_ready(page)
    assert notices(page) == ["switched"]
    kept = page.inner_text("article .passage")
    assert len(kept) > 2
    page.fill("#setting-maxNewTokens", "10")
    page.press("#setting-maxNewTokens", "Tab")
    page.click("#continue")
    wait_until(page, "runs.length === 1")
    assert page.inner_text("article .passage").startswith(kept)


def test_a_failing_self_check_goes_to_the_next_backend_and_then_gives_up(open_page, site):
    # Right bytes, wrong numbers: the trace is changed and its hash with it.
    import hashlib

    golden, index = site.folder / "bundle" / "golden.json", site.folder / "bundle" / "bundle.json"
    content = json.dumps(json.loads(golden.read_text("utf-8")) | {"logits": "AACAPwAAgD8="}).encode()
    golden.write_bytes(content)
    described = json.loads(index.read_text("utf-8"))
    for entry in described["files"]:
        if entry["path"] == "golden.json":
            described["bytes"] += len(content) - entry["bytes"]
            entry.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    index.write_text(json.dumps(described), "utf-8")
    page = open_page()
    page.click("#load")
    assert "golden_mismatch" in failed(page)


def test_a_prompt_of_a_hundred_thousand_characters(open_page):
    page = open_page()
    load(page)
    prompt = "却说曹操引兵" * 17_000
    assert write(page, prompt, maxNewTokens=20)[0]
    assert "prompt_cut" in notices(page)
    assert "48" in page.inner_text("#notices")


def test_hostile_prompts_and_links_stay_text(open_page):
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    page = open_page(
        "#p=%3Cimg%20src%3Dx%20onerror%3Dalert(3)%3E&t=1e99&k=-1&n=9999999999&seed=99999999999999&v=%3Cb%3E"
    )
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    load(page)
    assert page.input_value("#prompt") == "<img src=x onerror=alert(3)>"
    page.click("#settings summary")
    assert page.input_value("#setting-temperature") == "2"
    assert page.input_value("#setting-seed") == str(2**32 - 1)
    assert write(page, hostile, maxNewTokens=10)[0]
    assert page.inner_text("article .opening-text") == hostile
    assert page.locator("article img, article script").count() == 0
    assert dialogs == []


def test_opened_from_a_folder_it_says_how_to_serve_it(open_page, site):
    page = open_page()
    page.goto((site.folder / "index.html").as_uri())
    page.wait_for_selector("#notices [data-code=file_protocol]")
    assert "http.server" in page.inner_text("#notices")


def test_without_site_json_it_says_so(open_page, site):
    (site.folder / "site.json").unlink()
    page = open_page("#t=0.5")
    page.wait_for_selector("#notices [data-code=site_missing]")
    page.click("#settings summary")  # without the model's settings there is nothing to change or to share
    for field in ("#setting-temperature", "#setting-seed", "#defaults", "#share", "#load"):
        assert page.is_disabled(field), field
    assert page.input_value("#setting-temperature") == ""


def test_a_wrong_entry_of_site_json_is_named(open_page, site):
    path = site.folder / "site.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"samples": [{"book": 1}]}), "utf-8")
    page = open_page()
    page.wait_for_selector("#notices [data-code=site_damaged]")
    assert "samples" in page.inner_text("#notices")
    assert page.is_disabled("#load")
    assert page.errors == []


def test_a_program_file_that_does_not_load_is_replaced_by_another_backend(open_page, site):
    site.faults["worker_wasm.js"] = "missing"
    page = open_page()
    load(page)
    assert page.get_attribute("body", "data-backend") == "webgl"
    assert "switched" in notices(page)

"""What a visitor does, in a real browser."""

import json

from tf_gpt2.generation.settings import GenerationSettings
from web.web_page import (
    load,
    make_model_directory,
    model_caches,
    notices,
    set_setting,
    texts,
    visit,
    wait_idle,
    wait_ready,
    wait_until,
    write,
)

SERVICE_WORKERS = "block"


def test_before_the_download_there_is_something_to_read(open_page, site):
    page = open_page()
    page.wait_for_selector("#samples")
    described = json.loads((site.folder / "site.json").read_text("utf-8"))
    assert page.inner_text("#name") == "小模型 <b>GPT-2</b>" == page.title()
    assert page.inner_text("#sample-book") == "《三国演义》"
    assert page.inner_text("#sample-text").startswith("却说曹操")
    page.click("#sample-previous")
    wait_until(page, "document.querySelector('#sample-book').textContent === '《另一部书》'")
    assert f"{described['bytes']:,}" in page.inner_text("#load-note")
    assert not site.model_requests
    load(page)
    asked = [site.folder / path for path in site.model_requests]
    assert sum(path.stat().st_size for path in asked) == described["bytes"]
    assert page.errors == []


def test_the_settings_begin_as_the_model_says_and_a_link_wins(open_page, site):
    path = site.folder / "site.json"
    described = json.loads(path.read_text("utf-8"))
    assert described["generation"] == GenerationSettings().as_generation_config() | {
        "num_return_sequences": 1,
        "avoid_copying": 0,
    }
    described["generation"] |= {"temperature": 0.7, "top_k": 12}
    path.write_text(json.dumps(described), "utf-8")
    page = open_page("#k=9")
    page.wait_for_selector("#facts div")
    page.click("#settings summary")
    values = {
        name: page.input_value(f"#setting-{name}") for name in ("temperature", "topK", "maxNewTokens", "seed")
    }
    assert values == {"temperature": "0.7", "topK": "9", "maxNewTokens": "200", "seed": ""}
    page.click("#defaults")
    wait_until(page, "document.querySelector('#setting-topK').value === '12'")


def stop_at_first_text(page):
    """Lets the page itself press Stop: the tiny model writes 2,000 tokens while Playwright looks where to click."""
    page.evaluate(
        "new MutationObserver((changes, observer) => {"
        "  if (!document.querySelector('article .fresh:not(:empty)')) return;"
        "  observer.disconnect();"
        "  document.querySelector('#stop').click();"
        "}).observe(document.body, { childList: true, subtree: true, characterData: true })"
    )


def test_write_stop_continue_undo(open_page):
    page = open_page()
    load(page)
    first = write(page, "却说曹操", maxNewTokens=30)[0]
    assert len(first) >= 20
    page.click("#continue")
    wait_until(page, "runs.length === 2")
    wait_idle(page)
    longer = texts(page)[0]
    assert longer.startswith(first)
    assert len(longer) > len(first)
    for button, expected in (("undo", first), ("redo", longer), ("undo", first)):
        page.click(f"#{button}")
        wait_until(page, f"document.querySelector('.fresh').textContent.length === {len(expected)}")
        assert texts(page)[0] == expected
    set_setting(page, "maxNewTokens", 2000)
    stop_at_first_text(page)
    page.click("#write")
    wait_until(page, "runs.length === 3")
    wait_idle(page)
    stopped = page.evaluate("runs.at(-1)")
    assert stopped["finish"] == "stopped"
    assert 0 < len(stopped["snapshot"]["newIds"]) < 2000
    set_setting(page, "maxNewTokens", 30)
    page.click("#continue")
    wait_until(page, "runs.length === 4")
    wait_idle(page)
    assert texts(page)[0].startswith(stopped["text"])
    assert len(texts(page)[0]) > len(stopped["text"])
    assert page.errors == []


def test_a_text_continued_is_the_text_written_at_once(open_page):
    page = open_page()
    load(page)
    whole = write(page, "玄德", maxNewTokens=60, seed=11)[0]
    part = write(page, "玄德", maxNewTokens=25)[0]
    assert whole.startswith(part)
    set_setting(page, "maxNewTokens", 35)
    page.click("#continue")
    wait_until(page, "runs.length === 3")
    wait_idle(page)
    assert texts(page)[0] == whole


def test_versions_side_by_side_differ_and_come_back_with_the_seed(open_page):
    page = open_page()
    load(page)
    versions = write(page, "却说", maxNewTokens=20, versions=3, seed=5)
    wait_until(page, "runs.length === 3")
    wait_idle(page)
    versions = texts(page)
    assert len(set(versions)) == 3
    set_setting(page, "versions", 1)
    assert write(page, "却说") == versions[:1]


def test_a_link_of_before_brings_prompt_settings_and_seed(open_page):
    page = open_page()
    text = write(page, "操大怒曰", maxNewTokens=20, temperature=0.8, seed=7)[0]
    other = open_page("#p=操大怒曰&t=0.8&n=20&seed=7")
    other.wait_for_selector("#facts div")
    assert other.input_value("#prompt") == "操大怒曰"
    other.click("#write")
    wait_until(other, "runs.length === 1")
    wait_idle(other)
    assert texts(other) == [text]


def test_the_first_press_downloads_and_writes(open_page, site):
    site.faults["shard1of1.bin"] = "slow"
    page = open_page(locale="en")
    page.wait_for_selector("#facts div")
    assert "MB" in page.inner_text("#status")
    page.fill("#prompt", "却说")
    page.press("#prompt", "Control+Enter")
    page.wait_for_selector("#progress-text:has-text('MB')")
    assert page.is_visible("#stop")
    assert not page.is_visible("#write")
    wait_until(page, "runs.length === 1")
    wait_idle(page)
    assert texts(page)[0]
    assert page.errors == []


def test_enter_that_ends_a_composition_does_not_write(open_page):
    page = open_page()
    page.wait_for_selector("#facts div")
    page.fill("#prompt", "却说")
    press = "new KeyboardEvent('keydown', { key: 'Enter', ctrlKey: true, bubbles: true, isComposing: %s })"
    page.evaluate(f"document.querySelector('#prompt').dispatchEvent({press % 'true'})")
    page.wait_for_timeout(200)
    assert page.get_attribute("body", "data-phase") == "idle"
    page.evaluate(f"document.querySelector('#prompt').dispatchEvent({press % 'false'})")
    wait_until(page, "runs.length === 1")


def test_opened_again_it_starts_from_the_cache_and_without_a_network(open_page, site):
    page = open_page(service_workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    load(page)
    text = write(page, "却说曹操", maxNewTokens=20, seed=3)
    site.stop()
    page.goto(site.url)
    wait_ready(page)
    assert page.evaluate("ready.fromCache")
    assert write(page, "却说曹操", maxNewTokens=20, seed=3) == text
    assert page.inner_text("#sample-book") == "《三国演义》"


def test_an_update_of_the_model_replaces_the_old_files(open_page, site, tmp_path):
    from export.browser.bundle import write_bundle

    page = open_page()
    load(page)
    before = write(page, "却说曹操", maxNewTokens=30, seed=3)
    [old] = model_caches(page)
    write_bundle(make_model_directory(tmp_path / "newer", seed=1), site.folder / "bundle", "int8")
    page = visit(page.context, site.url)
    wait_ready(page)
    assert write(page, "却说曹操", maxNewTokens=30, seed=3) == before  # what is kept opens first
    wait_until(page, "Boolean(document.querySelector('[data-code=model_kept]'))")
    page = visit(page.context, site.url)
    wait_ready(page)
    assert page.evaluate("ready.fromCache")
    [new] = model_caches(page)
    assert new != old
    assert write(page, "却说曹操", maxNewTokens=30, seed=3) != before


def test_copy_and_save(open_page):
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    load(page)
    text = "却说曹操" + write(page, "却说曹操", maxNewTokens=20)[0]
    page.click("article button:has-text('复制')")
    wait_until(page, "document.querySelector('article .said').textContent === '已复制。'")
    assert page.evaluate("navigator.clipboard.readText()") == text
    page.click("article summary")
    with page.expect_download() as download:
        page.click("article button:has-text('.txt')")
    assert download.value.path().read_text("utf-8") == text
    assert download.value.suggested_filename.endswith(".txt")


def test_memory_is_the_same_after_every_text(open_page):
    page = open_page()
    load(page)
    for _ in range(20):
        # Past the context, so that the window has rolled too; the same length, so that the cache is as long.
        write(page, "却说曹操", maxNewTokens=60, seed=1)
    memory = page.evaluate("runs.map(run => [run.memory.numTensors, run.memory.numBytes])")
    assert len(memory) == 20
    assert len({tuple(counts) for counts in memory}) == 1


def test_english_and_back(open_page):
    page = open_page(locale="en-GB")
    page.wait_for_selector("#facts div")
    assert page.inner_text("#desk-title") == "Write"
    assert page.get_attribute("html", "lang") == "en"
    assert page.get_attribute("#prompt", "lang") == "zh-Hans"
    page.click("#language")
    wait_until(page, "document.documentElement.lang === 'zh-Hans'")
    page.reload()
    page.wait_for_selector("#facts div")
    assert page.inner_text("#desk-title") == "写作"


def test_the_keyboard_and_a_screen_reader_reach_everything(open_page):
    page = open_page()
    page.wait_for_selector("#facts div")
    page.focus("#load")
    page.keyboard.press("Enter")
    wait_ready(page)
    wait_until(page, "document.activeElement.id === 'prompt'")
    page.keyboard.type("却说")
    page.keyboard.press("Control+Enter")
    wait_until(page, "runs.length === 1")
    wait_idle(page)
    page.click("#settings summary")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, textarea, summary, progress')].filter((element) =>
            !(element.labels?.length || element.textContent.trim() || element.getAttribute('aria-label') ||
              element.getAttribute('aria-labelledby'))).map((element) => element.outerHTML)"""
    )
    assert nameless == []
    assert page.get_attribute("#status", "role") == "status"
    assert page.get_attribute("#spoken", "aria-live") == "polite"
    reached = set()
    page.focus("#language")
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"prompt", "write", "continue", "undo", "share", "setting-seed", "sample-next"} <= reached


def test_the_keyboard_keeps_its_place_where_buttons_come_and_go(open_page):
    page = open_page()
    load(page)
    page.fill("#prompt", "却说")
    set_setting(page, "maxNewTokens", 300)
    page.evaluate(
        "window.places = []; document.addEventListener('focusin', (event) => places.push(event.target.id))"
    )
    for count, button in enumerate(("write", "continue"), 1):
        page.evaluate("places.length = 0")
        page.focus(f"#{button}")
        page.keyboard.press("Enter")
        wait_until(page, f"runs.length === {count}")
        wait_until(page, "places.length === 3")
        assert page.evaluate("places") == [button, "stop", button]
    page.focus("#undo")
    for _ in range(2):
        page.keyboard.press("Enter")
    wait_until(page, "document.activeElement.id === 'write'")


def test_no_wider_than_a_phone(open_page):
    page = open_page()
    page.set_viewport_size({"width": 320, "height": 600})
    load(page)
    write(page, "却说曹操" + "W" * 300, maxNewTokens=30)
    page.click("#settings summary") if page.locator("#settings").get_attribute("open") is None else None
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert "prompt_cut" in notices(page)

"""What is kept and edited, in a real browser."""

import json

from web.manuscript_page import KEPT_TEXTS, press, wait_kept, wholes
from web.web_page import finish_sentences, notices, set_setting, visit, wait_idle, wait_ready, wait_until, write

SERVICE_WORKERS = "block"


def test_kept_through_a_reload_with_its_undo(open_page):
    page = open_page()
    write(page, "却说曹操", maxNewTokens=15, seed=5)
    press(page, "#continue")
    [text] = wholes(page)
    wait_kept(page)
    page.reload()
    wait_ready(page)
    assert wholes(page) == [text]
    assert page.input_value("#prompt") == "却说曹操"
    page.click("#undo")
    wait_until(page, f"document.querySelector('.passage').textContent.length < {len(text)}")
    page.click("#redo")
    set_setting(page, "maxNewTokens", 15)
    finish_sentences(page, False)
    press(page, "#continue")
    other = open_page()
    write(other, "却说曹操", maxNewTokens=45, seed=5)
    assert wholes(other) == wholes(page)  # it went on from where it was


def test_a_list_with_rename_delete_and_export(open_page):
    page = open_page()
    write(page, "却说", maxNewTokens=10)
    [first] = wholes(page)
    page.click("#manuscripts summary")
    page.click("#new-manuscript")
    wait_until(page, "document.querySelectorAll('article').length === 0")
    write(page, "次日", maxNewTokens=10)
    page.click("#manuscripts summary")
    page.click("#manuscripts summary")
    wait_until(page, "document.querySelectorAll('#kept li').length === 2")
    page.click("#kept li:nth-child(2) button:has-text('打开')")
    wait_until(page, f"document.querySelector('article .passage')?.textContent === {json.dumps(first)}")
    row = page.locator("#kept li", has_text="正在写")
    row.get_by_role("button", name="改名").click()
    row.locator("input").fill("我的<b>小说")
    row.locator("input").press("Enter")
    wait_until(page, "document.querySelector('#kept').textContent.includes('我的<b>小说')")
    for kind in ("txt", "json"):
        with page.expect_download() as download:
            page.locator("#kept li", has_text="正在写").get_by_role("button", name=kind).click()
        content = download.value.path().read_text("utf-8")
        if kind == "txt":
            assert content == first
        else:
            assert json.loads(content)["passages"][0]["text"] == "却说"
    page.locator("#kept li", has_text="正在写").get_by_role("button", name="删除").click()
    page.locator("#kept li", has_text="正在写").get_by_role("button", name="确定删除").click()
    wait_until(page, "document.querySelectorAll('article').length === 0")
    wait_until(page, "document.querySelectorAll('#kept li').length === 1")
    assert page.errors == []


def test_two_tabs_do_not_overwrite_each_other(open_page, site):
    page = open_page()
    write(page, "却说", maxNewTokens=10)
    wait_kept(page)
    second = visit(page.context, site.url)
    wait_ready(second)
    assert wholes(second) == []  # the first tab has it
    write(second, "次日", maxNewTokens=10)
    wait_kept(second)
    second.click("#manuscripts summary")
    wait_until(second, "document.querySelectorAll('#kept li').length === 2")
    second.click("#kept li button:has-text('打开')")
    second.wait_for_selector("[data-code=open_elsewhere]")
    texts = wholes(page) + wholes(second)
    page.close()
    # The browser frees what a tab had locked some time after it is gone.
    wait_until(second, "navigator.locks.query().then(({ held }) => held.length <= 1)")
    second.click("#kept li button:has-text('打开')")
    wait_until(second, f"document.querySelector('.passage').textContent === {json.dumps(texts[0])}")


def test_without_locks_the_version_keeps_two_tabs_apart(open_page, site):
    page = open_page()
    page.context.add_init_script("Object.defineProperty(navigator, 'locks', { get: () => undefined })")
    page.goto(site.url)
    write(page, "却说", maxNewTokens=10)
    wait_kept(page)
    second = visit(page.context, site.url)
    wait_ready(second)
    assert wholes(second) == wholes(page)
    press(page, "#continue")
    wait_kept(page)
    second.locator("article textarea").fill("另一种")
    second.wait_for_selector("[data-code=copied_apart]")
    page.wait_for_timeout(300)
    [text] = wholes(page)
    page.reload()
    page.wait_for_selector("article")
    page.click("#manuscripts summary")
    wait_until(page, "document.querySelectorAll('#kept li').length === 2")
    assert {text, "另一种"} <= set(page.evaluate(KEPT_TEXTS))


def test_without_storage_it_writes_and_says_that_nothing_is_kept(open_page, site):
    page = open_page()
    page.context.add_init_script(
        "Object.defineProperty(globalThis, 'indexedDB', { get() { throw new DOMException('no'); } })"
    )
    page.goto(site.url)
    assert write(page, "却说", maxNewTokens=10)[0]
    page.click("#manuscripts summary")
    assert "什么都不会留下" in page.inner_text("#keeping")
    assert page.errors == []


def test_the_text_is_edited_and_continue_goes_on_from_it(open_page):
    page = open_page()
    write(page, "却说曹操", maxNewTokens=30, seed=3)
    [text] = wholes(page)
    editor = page.locator("article textarea")
    editor.fill(text[:10] + "玄德")
    wait_until(page, f"document.querySelector('.passage').textContent === {json.dumps(text[:10] + '玄德')}")
    press(page, "#continue")
    assert wholes(page)[0].startswith(text[:10] + "玄德")
    assert len(wholes(page)[0]) > 12
    # From the caret: what stands behind it goes, and can be had back.
    whole = wholes(page)[0]
    editor.focus()
    page.evaluate("document.querySelector('article textarea').setSelectionRange(6, 6)")
    editor.press("Shift")
    press(page, "article button:has-text('从光标处续写')")
    assert wholes(page)[0].startswith(whole[:6])
    page.click("#undo")
    page.click("#undo")
    wait_until(page, f"document.querySelector('.passage').textContent === {json.dumps(whole)}")
    # The opening follows the text; a typed one is said to be another.
    editor.fill("将" + whole)
    wait_until(page, "document.querySelector('#prompt').value === '将却说曹操'")
    page.fill("#prompt", "另起")
    page.wait_for_selector("#prompt-note:visible")
    page.click("#history summary")
    page.click("#branches button")
    wait_until(page, "document.querySelectorAll('article').length === 1")
    assert page.errors == []


def test_alternatives_are_turned_through(open_page):
    page = open_page()
    write(page, "却说曹操", maxNewTokens=20, versions=2)
    wait_until(page, "runs.length === 2")
    wait_idle(page)
    first, second = wholes(page)
    page.click("article:nth-child(2) summary")
    page.click("article:nth-child(2) button:has-text('只看这一版')")
    wait_until(page, "document.querySelectorAll('article').length === 1")
    assert wholes(page) == [second]
    page.click("article button[aria-label='上一种写法']")
    wait_until(page, f"document.querySelector('.passage').textContent === {json.dumps(first)}")


def test_what_was_put_right_and_what_the_model_hardly_knows_is_said(open_page):
    page = open_page()
    page.wait_for_selector("#facts div")
    set_setting(page, "temperature", 9)
    wait_until(page, "document.querySelector('#setting-temperature-said').textContent.includes('2')")
    assert page.input_value("#setting-temperature") == "2"
    write(page, "مرحبا", maxNewTokens=5)
    assert notices(page) == ["hardly_known"]
    write(page, "却说", maxNewTokens=5)
    assert notices(page) == []
    assert page.evaluate("getComputedStyle(document.querySelector('#prompt')).direction") == "ltr"
    page.fill("#prompt", "مرحبا")
    assert page.evaluate("getComputedStyle(document.querySelector('#prompt')).direction") == "rtl"


def test_the_page_follows_the_writing_until_the_reader_scrolls_away(open_page):
    page = open_page()
    page.set_viewport_size({"width": 360, "height": 640})
    write(page, "却说曹操", maxNewTokens=400, seed=1)
    assert page.evaluate("scrollY") > 200
    bottom = page.evaluate("document.querySelector('.fresh').getBoundingClientRect().bottom")
    assert bottom < page.evaluate("document.querySelector('#bar').getBoundingClientRect().top")
    for button in ("write", "continue"):
        assert page.evaluate(f"document.querySelector('#{button}').getBoundingClientRect().bottom") <= 640
    page.evaluate("dispatchEvent(new Event('wheel')); scrollTo(0, 0)")
    # In the page itself: a text may be written whole between two looks from here.
    page.evaluate(
        """() => {
          new MutationObserver((_, observer) => {
            if (document.body.dataset.busy !== 'true') return;
            observer.disconnect();
            requestAnimationFrame(() => { dispatchEvent(new Event('wheel')); scrollTo(0, 0); });
          }).observe(document.body, { attributes: true });
          document.querySelector('#continue').click();
        }"""
    )
    wait_until(page, "runs.length === 2")
    wait_idle(page)
    assert page.evaluate("scrollY") < 200

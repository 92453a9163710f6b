"""What is kept, passed on and edited, in a real browser: texts come back to the letter."""

import json
import random

import pytest

from web.web_page import (
    finish_sentences,
    make_model_directory,
    notices,
    set_setting,
    visit,
    wait_idle,
    wait_ready,
    wait_until,
    write,
)


def wholes(page):
    """The texts that show, with their openings."""
    return page.locator("article .passage").all_text_contents()


def press(page, selector, runs=1):
    """Presses a button that writes, and waits until it has."""
    before = page.evaluate("runs.length")
    page.click(selector)
    wait_until(page, f"runs.length === {before + runs}")
    wait_idle(page)


def link_of(page, article):
    """Presses Share of one text; returns the address's end."""
    before = page.evaluate("location.hash")
    article.get_by_role("button", name="分享").click()
    wait_until(page, f"location.hash !== {json.dumps(before)}")
    return page.evaluate("location.hash")


def take_shared(page):
    page.wait_for_selector("#shared:not([hidden])")
    page.click("#shared-take")
    wait_until(page, "document.querySelector('#shared').hidden")
    wait_ready(page)
    wait_idle(page)
    return wholes(page)


def change(page, article, old, new):
    """Edits a text in place, as typing does."""
    editor = article.locator("textarea")
    editor.fill(editor.input_value().replace(old, new, 1))
    wait_until(page, f"document.querySelector('#versions').textContent.includes({json.dumps(new)})")


def test_every_shared_text_comes_out_in_another_profile_to_the_letter(open_page):
    page = open_page()
    write(page, "却说曹操", temperature=0.5, seed=7, versions=3, maxNewTokens=20)
    wait_until(page, "runs.length === 3")
    wait_idle(page)
    for _ in range(2):
        press(page, "#continue", 3)
    assert len(set(wholes(page))) == 3
    set_setting(page, "temperature", 1.5)  # what was written with another keeps it
    articles = page.locator("article")
    change(page, articles.nth(1), wholes(page)[1][9], "操")
    press(page, "article:nth-child(2) button:has-text('续写这一版')")
    press(page, "article:nth-child(1) button:has-text('换一种写法')")
    texts = wholes(page)
    assert len(set(texts)) == 4
    links = [link_of(page, articles.nth(index)) for index in range(4)]
    page.click("#share")
    wait_until(page, f"!{json.dumps(links)}.includes(location.hash)")
    links.append(page.evaluate("location.hash"))
    for link, expected in zip(links, [*([text] for text in texts), texts], strict=True):
        other = open_page(link)
        assert take_shared(other) == expected
        assert "link_differs" not in notices(other)
        assert other.errors == []
    assert page.errors == []


def test_a_shared_text_without_edits_is_what_python_writes(open_page, python_model):
    page = open_page()
    write(page, "玄德", temperature=0.5, seed=7, maxNewTokens=20, topK=40, topP=1, repetitionPenalty=1)
    press(page, "#continue")
    other = open_page(link_of(page, page.locator("article")))
    settings = {"top_k": 40, "top_p": 1, "repetition_penalty": 1}
    expected = python_model.generate("玄德", max_new_tokens=40, seed=7, temperature=0.5, **settings)
    assert take_shared(other) == [expected.rstrip("\ufffd")] == wholes(page)


def test_a_text_that_ends_with_its_sentence_is_shared_so(open_page):
    page = open_page()
    write(page, "却说曹操", maxNewTokens=10, seed=3, finish=True)
    press(page, "#continue")
    [text] = wholes(page)
    tokens = len(page.evaluate("runs.at(-1).snapshot.newIds"))
    assert text[-1] in "。！？”" or tokens >= 70  # at most 60 past the limit
    other = open_page(link_of(page, page.locator("article")))
    assert take_shared(other) == [text]
    assert other.is_checked("#setting-finishSentence")


def test_another_link_pasted_into_the_open_tab(open_page):
    page = open_page()
    write(page, "却说", seed=1, maxNewTokens=10)
    [first] = wholes(page)
    first_link = link_of(page, page.locator("article"))
    write(page, "次\ufffd日<b>", seed=2, maxNewTokens=10)
    [second] = wholes(page)
    second_link = link_of(page, page.locator("article"))
    other = open_page(first_link)
    wait_until(other, f"document.querySelector('#shared-text').textContent === {json.dumps(first)}")
    other.evaluate(f"location.hash = {json.dumps(second_link)}")
    wait_until(other, f"document.querySelector('#shared-text').textContent === {json.dumps(second)}")
    assert take_shared(other) == [second]
    other.evaluate(f"location.hash = {json.dumps(first_link)}")
    assert take_shared(other) == [first]
    assert notices(other) == []


def test_a_damaged_link_is_one_sentence_that_stays(open_page):
    page = open_page("#w=1AAAA")
    page.wait_for_selector("[data-code=link_damaged]")
    write(page, "却说", maxNewTokens=5)
    assert notices(page) == ["link_damaged"]
    assert page.errors == []


def test_a_link_to_another_model_says_so_and_shows_the_text(open_page, site, tmp_path):
    from export.browser.bundle import write_bundle

    page = open_page()
    write(page, "却说曹操", maxNewTokens=20)
    [text] = wholes(page)
    link = link_of(page, page.locator("article"))
    write_bundle(make_model_directory(tmp_path / "newer", seed=1), site.folder / "bundle", "int8")
    other = open_page(link)
    other.wait_for_selector("#shared:not([hidden])")
    assert "另一个模型" in other.inner_text("#shared-note")
    assert other.text_content("#shared-text") == text
    other.click("#shared-take")
    wait_until(other, f"document.querySelector('article .passage')?.textContent === {json.dumps(text)}")
    press(other, "#continue")
    assert wholes(other)[0].startswith(text)


def test_kept_through_a_reload_with_its_undo(open_page):
    page = open_page()
    write(page, "却说曹操", maxNewTokens=15, seed=5)
    press(page, "#continue")
    [text] = wholes(page)
    page.wait_for_timeout(1500)
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
    page.wait_for_timeout(1300)
    second = visit(page.context, site.url)
    wait_ready(second)
    assert wholes(second) == []  # the first tab has it
    write(second, "次日", maxNewTokens=10)
    second.wait_for_timeout(1300)
    second.click("#manuscripts summary")
    wait_until(second, "document.querySelectorAll('#kept li').length === 2")
    second.click("#kept li button:has-text('打开')")
    second.wait_for_selector("[data-code=open_elsewhere]")
    texts = wholes(page) + wholes(second)
    page.close()
    second.click("#kept li button:has-text('打开')")
    wait_until(second, f"document.querySelector('.passage').textContent === {json.dumps(texts[0])}")


def test_without_locks_the_version_keeps_two_tabs_apart(open_page, site):
    page = open_page()
    page.context.add_init_script("Object.defineProperty(navigator, 'locks', { get: () => undefined })")
    page.goto(site.url)
    write(page, "却说", maxNewTokens=10)
    page.wait_for_timeout(1300)
    second = visit(page.context, site.url)
    wait_ready(second)
    assert wholes(second) == wholes(page)
    press(page, "#continue")
    page.wait_for_timeout(1300)
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
    page.evaluate("document.querySelector('#continue').click()")
    wait_until(page, "document.body.dataset.busy === 'true'")
    page.evaluate("dispatchEvent(new Event('wheel')); scrollTo(0, 0)")
    wait_until(page, "runs.length === 2")
    assert page.evaluate("scrollY") < 200


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_random_presses_lose_nothing(open_page, seed):
    chance = random.Random(seed)
    page = open_page()
    write(page, "却说", maxNewTokens=8, versions=2)
    wait_until(page, "runs.length === 2")
    seen = set()
    # Everything that can be pressed, but for what leaves the manuscript or asks for a file.
    buttons = "#write, #continue, #undo, #redo, #share, .opening, article .row > button, article summary, #language"
    for _ in range(40):
        visible = page.locator(buttons).filter(visible=True).all()
        button = chance.choice(visible)
        if button.is_enabled() and button.is_visible():
            button.evaluate("button => button.click()")
        if chance.random() < 0.2 and page.locator("article textarea").first.is_visible():
            editor = page.locator("article textarea").first
            editor.fill(editor.input_value()[: chance.randrange(1, 30)] + "改")
            editor.blur()  # what is typed in one go is one edit
        page.wait_for_timeout(50)
        wait_until(page, "document.body.dataset.busy === 'false'")
        seen.update(page.evaluate(SHOWN_AT_REST))
    wait_until(page, "document.body.dataset.busy === 'false'")
    page.wait_for_timeout(1500)
    texts = page.evaluate(KEPT_TEXTS)
    assert {text for text in seen if text} <= set(texts)
    assert page.errors == []


# What shows, unless something is just being written: that text is still to grow.
SHOWN_AT_REST = """document.body.dataset.busy === 'false'
  ? [...document.querySelectorAll('article .passage')].map((passage) => passage.textContent) : []"""

# The text after every passage of all manuscripts that the browser keeps.
KEPT_TEXTS = """async () => {
  const [{ name }] = await indexedDB.databases();
  const ask = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const database = await ask(indexedDB.open(name));
  const all = await ask(database.transaction("manuscripts").objectStore("manuscripts").getAll());
  return all.flatMap(({ passages }) => {
    const texts = [];
    for (const { parent, at, removed, text } of passages) {
      const before = parent === null ? "" : texts[parent];
      texts.push(before.slice(0, at) + text + before.slice(at + removed));
    }
    return texts;
  });
}"""

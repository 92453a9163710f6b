"""What is passed on, in a real browser: a link brings the text to another profile to the letter."""

import json

from web.manuscript_page import change, link_of, press, take_shared, wholes
from web.web_page import make_model_directory, notices, set_setting, wait_idle, wait_until, write

SERVICE_WORKERS = "block"


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

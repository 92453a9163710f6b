"""Threads: the service worker isolates the page from its second visit on, and no failure there breaks the page."""

import pytest

from web.web_page import largest_logit, load, name_again, notices, visit, wait_ready, wait_until, write

PROMPT = "却说曹操引兵"


def second_visit(page, site, end="?threads=2"):
    """Another tab once the model is kept and the service worker is in charge: it opens the model by itself."""
    wait_until(page, "navigator.serviceWorker.controller !== null")
    context = page.context
    page.close()
    page = visit(context, site.url + end)
    wait_ready(page)
    return page


def first_visit(open_page):
    page = open_page()
    load(page)
    return page


def backend(page):
    return page.get_attribute("body", "data-backend")


def test_the_second_visit_is_isolated_and_threads_write_the_same_text(open_page, site):
    page = first_visit(open_page)
    assert not page.evaluate("crossOriginIsolated")
    settings = {"maxNewTokens": 100, "seed": 5}
    expected = write(page, PROMPT, **settings)
    page = second_visit(page, site)
    assert page.evaluate("crossOriginIsolated")
    assert (backend(page), page.evaluate("ready.threads")) == ("threads", 2)
    assert "threads × 2" in page.text_content("#technical-line")
    assert page.evaluate("ready.maxError") < 3e-4 * largest_logit(site.folder / "bundle")
    assert write(page, PROMPT, **settings) == expected  # past the context of 48, so the prompt is encoded anew too
    assert (notices(page), page.errors) == ([], [])


@pytest.mark.parametrize(("end", "expected"), [("?threads=1", False), ("", True)])
def test_the_address_decides_and_else_a_probe(open_page, site, end, expected):
    page = second_visit(first_visit(open_page), site, end)
    assert page.evaluate("crossOriginIsolated") is expected
    assert backend(page) == ("threads" if expected else "kernels")
    if not expected:
        assert page.evaluate("ready.threads") == 1
    assert write(page, PROMPT, maxNewTokens=10, seed=1)[0]


def test_isolation_comes_without_a_reload_and_works_offline(open_page, site):
    page = open_page()
    loads = []
    page.on("load", lambda _: loads.append(page.url))
    load(page)
    wait_until(page, "navigator.serviceWorker.controller !== null")
    assert len(loads) <= 1
    site.stop()
    page = second_visit(page, site)
    assert (page.evaluate("crossOriginIsolated"), backend(page)) == (True, "threads")
    assert write(page, PROMPT, maxNewTokens=10, seed=1)[0]


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("thread_helper.js", lambda _: b"throw new Error('broken');"),
        pytest.param("kernels_shared.wasm", lambda content: content[:100], marks=pytest.mark.slow),
        pytest.param("worker_threads.js", lambda _: b"throw new Error('broken');", marks=pytest.mark.slow),
    ],
)
def test_broken_threads_give_way_to_one(open_page, site, file, change):
    path = site.folder / file
    path.write_bytes(change(path.read_bytes()))
    name_again(site.folder)
    page = second_visit(first_visit(open_page), site)
    assert page.evaluate("crossOriginIsolated")
    assert backend(page) == "kernels"
    assert notices(page) == ["switched"]
    assert write(page, PROMPT, maxNewTokens=10, seed=1)[0]


def test_a_thread_that_ends_keeps_the_text_and_one_goes_on(open_page, site):
    # Each meeting is one call: it leaves in the middle of the text.
    path = site.folder / "thread_helper.js"
    script = path.read_text("utf-8")
    leave = "let calls=0;const add=Atomics.add;Atomics.add=(...v)=>{if(++calls===2000)close(),setTimeout(()=>{});"
    path.write_text(leave + "if(calls>=2000)throw 0;return add(...v)};" + script, "utf-8")
    name_again(site.folder)
    page = second_visit(first_visit(open_page), site)
    assert backend(page) == "threads"
    page.fill("#prompt", PROMPT)
    page.click("#settings summary")
    page.fill("#setting-maxNewTokens", "2000")
    page.press("#setting-maxNewTokens", "Tab")
    page.click("#write")
    wait_until(page, "document.body.dataset.backend === 'kernels'")
    wait_ready(page)
    kept = page.inner_text("article .passage")
    assert kept.startswith(PROMPT)
    assert notices(page) == ["switched"]

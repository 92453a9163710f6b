"""The page as an app on a home screen, in a link's preview, and on paper."""

import json

from web.web_page import load, visit, wait_until, write


def test_a_browser_finds_nothing_wrong_with_the_app(open_page, site):
    page = open_page()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    found = page.context.new_cdp_session(page).send("Page.getAppManifest")
    assert found["url"] == f"{site.url}app.webmanifest"
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    for icon in manifest["icons"]:
        width = "async (src) => { const i = new Image(); i.src = src; await i.decode(); return i.width; }"
        assert page.evaluate(width, icon["src"]) == int(icon["sizes"].split("x")[0])
    described = page.get_attribute("meta[name=description]", "content")
    assert described and page.get_attribute("meta[property='og:title']", "content") == page.title()
    assert page.errors == []


def test_printing_gives_the_text(open_page):
    page = open_page()
    load(page)
    [text] = write(page, "却说曹操", maxNewTokens=40, seed=3)
    page.emulate_media(media="print", color_scheme="dark")
    assert text in page.inner_text("body")
    for around in ("#prompt", "#write", "#settings", "#notices", "aside", "#language"):
        assert not page.is_visible(around), around
    assert page.is_visible("#name") and page.is_visible("article .passage")
    style = "getComputedStyle(document.body)"
    ink, paper = page.evaluate(f"[{style}.color, {style}.backgroundColor]")
    assert (ink, paper) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")


def test_the_app_opens_without_a_network(open_page, site):
    page = open_page()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    load(page)
    site.stop()
    page = visit(page.context, site.url)
    wait_until(page, "document.body.dataset.phase === 'ready'")
    assert page.get_attribute("link[rel=manifest]", "href") == "app.webmanifest"

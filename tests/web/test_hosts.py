"""Hosts that behave as real ones do: the page works there, or names the header at fault and its remedy."""

import pytest

from web.site_server import SIGN_IN_PAGE, Answer
from web.web_page import (
    SITE_VERSION,
    TOLD_OF_A_NEW_ONE,
    load,
    name_again,
    notices,
    visit,
    wait_ready,
    wait_until,
    write,
)

PROMPT = "却说曹操"


def backend(page):
    return page.get_attribute("body", "data-backend")


def second_visit(page, site, end=""):
    wait_until(page, "navigator.serviceWorker.controller !== null")
    context = page.context
    page.close()
    page = visit(context, site.url + end)
    wait_ready(page)
    return page


def test_a_host_that_does_not_know_wasm_and_leads_index_html_away(open_page, site):
    """As nginx with an old mime.types, and as hosts with clean addresses."""
    site.types[".wasm"] = "application/octet-stream"
    site.clean_urls = True
    page = open_page("index.html")
    assert page.url == site.url
    load(page)
    assert (backend(page), notices(page), page.errors) == ("kernels", [], [])
    page = second_visit(page, site, "index.html?threads=2")
    assert page.evaluate("crossOriginIsolated")
    assert (backend(page), notices(page), page.errors) == ("threads", [], [])
    site.stop()
    page = second_visit(page, site)
    assert write(page, PROMPT, maxNewTokens=10)[0]


def test_the_two_headers_of_isolation_bring_threads_at_the_first_visit(open_page, site):
    site.headers |= {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
    }
    page = open_page("?threads=2")
    load(page)
    assert (backend(page), notices(page), page.errors) == ("threads", [], [])


def test_a_policy_that_forbids_webassembly_is_named(open_page, site):
    site.headers["Content-Security-Policy"] = "script-src 'self'"
    site.faults["service_worker.js"] = "missing"
    page = open_page("", "--disable-gpu", "--disable-3d-apis", "--disable-software-rasterizer")
    page.click("#load")
    page.wait_for_selector("body[data-phase=failed]", timeout=60_000)
    assert notices(page)[-1] == "wasm_forbidden"
    assert "'wasm-unsafe-eval'" in page.inner_text("#notices")


@pytest.mark.parametrize(("names", "code"), [("tf_gpt2", None), ("'none'", "scripts_forbidden")])
def test_trusted_types(open_page, site, names, code):
    site.headers["Content-Security-Policy"] = f"require-trusted-types-for 'script'; trusted-types {names}"
    page = open_page()
    page.click("#load")
    page.wait_for_selector("body[data-phase=ready], body[data-phase=failed]", timeout=60_000)
    assert notices(page) == ([code] if code else [])
    if code:
        assert "trusted-types tf_gpt2" in page.inner_text("#notices")
    else:
        page = second_visit(page, site, "?threads=2")
        assert (backend(page), notices(page)) == ("threads", [])


def test_a_sandboxed_frame_says_why_and_a_friendly_one_works(open_page, site):
    (site.folder / "around.html").write_text(
        '<iframe sandbox="allow-scripts" src="."></iframe>'
        '<iframe sandbox="allow-scripts allow-same-origin" src="."></iframe>',
        "utf-8",
    )
    page = open_page("around.html")
    closed, friendly = page.frames[1:]
    closed.wait_for_selector("[data-code=sandboxed]")
    assert "allow-same-origin" in closed.inner_text("#notices")
    friendly.click("#load")
    friendly.wait_for_selector("body[data-phase=ready]", timeout=60_000)
    assert [line for line in page.errors if "SecurityError" in line] == []


def test_a_half_deployed_host_keeps_the_old_page_whole(open_page, site):
    first = open_page()
    first.evaluate("navigator.serviceWorker.ready.then(() => true)")
    for name in ("worker_wasm.js", "worker_threads.js"):
        (site.folder / name).write_bytes(b"self.version = 'new';" + (site.folder / name).read_bytes())
    style = site.folder / "style.css"
    old_style = style.read_bytes()
    style.write_bytes(old_style + b"body{--version:new}")
    name_again(site.folder)
    style.write_bytes(old_style)  # the new service worker is there, this file is not yet
    site.requests.clear()
    second = visit(first.context, site.url)
    for _ in range(2000):  # a minute
        if "style.css" in site.requests:  # which only the new version's install asks for
            break
        second.wait_for_timeout(30)
    wait_until(second, "navigator.serviceWorker.ready.then((all) => !all.installing)")
    keys = "caches.keys().then(names => names.filter(name => name.includes(' shell ')).length)"
    assert second.evaluate(keys) == 1
    assert notices(second) == []
    style.write_bytes(old_style + b"body{--version:new}")
    # Both tabs are told, and stay as they were opened: what they ask for later is of their version, in workers too.
    for page in (first, second):
        wait_until(page, TOLD_OF_A_NEW_ONE)
    assert second.evaluate(keys) == 2
    third = visit(first.context, site.url)
    for page, version in ((first, "old"), (second, "old"), (third, "new")):
        load(page)
        worker = page.workers[0]
        assert (page.evaluate(SITE_VERSION), worker.evaluate(SITE_VERSION)) == (version, version)
        assert worker.evaluate("self.version ?? 'old'") == version
    assert notices(third) == []
    second.reload()
    wait_ready(second)
    assert (second.evaluate(SITE_VERSION), notices(second)) == ("new", [])


def test_a_model_that_takes_the_tab_down_is_not_opened_the_third_time(open_page, site):
    page = open_page()
    load(page)
    context = page.context
    page.close()
    key = f"tf_gpt2 opening {site.url}bundle/"
    page = visit(context, site.url)
    wait_ready(page)
    assert page.evaluate(f"localStorage.getItem('{key}')") is None
    page.evaluate(f"localStorage.setItem('{key}', '2')")  # as two tabs that were killed leave it
    page = visit(context, site.url)
    page.wait_for_selector("[data-code=opening_crashed]")
    assert page.get_attribute("body", "data-phase") == "idle"
    load(page)
    assert page.evaluate(f"localStorage.getItem('{key}')") is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"null", "site_damaged"),
        (b"[1]", "site_damaged"),
        (b'{"name": NaN}', "site_missing"),
        (Answer(503, {"Retry-After": "900"}), "host_busy"),
        (Answer(404), "site_missing"),
        (SIGN_IN_PAGE, "web_page"),
    ],
)
def test_a_site_json_that_is_none_is_said(open_page, site, answer, code):
    if isinstance(answer, bytes):
        (site.folder / "site.json").write_bytes(answer)
    else:
        site.faults["site.json"] = answer
    page = open_page()
    page.wait_for_selector(f"#notices [data-code={code}]")
    assert page.is_disabled("#load")

"""How the page looks and reads: nothing jumps, and axe-core finds nothing, in each language, scheme and width."""

import gzip
import pathlib

import pytest

from web.web_page import set_setting, visit, wait_idle, wait_ready, wait_until, write

AXE = pathlib.Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
WATCH_SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture
def open_at(site, chromium):
    """Opens the site at a width: open_at(width, end, **what a context may be given)."""
    contexts = []

    def start(width, end="", **options):
        viewport = {"width": width, "height": 800}
        usual = {"locale": "zh-CN", "service_workers": "block"}
        context = chromium().new_context(viewport=viewport, **{**usual, **options})
        contexts.append(context)
        context.set_default_timeout(30_000)
        context.add_init_script(WATCH_SHIFTS)
        return visit(context, site.url + end)

    yield start
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_moves_by_itself_on_the_first_visit_and_the_second(open_at, site, width):
    page = open_at(width, locale="en", service_workers="allow")
    page.wait_for_selector("#facts div")
    page.wait_for_timeout(300)
    write(page, "却说曹操", maxNewTokens=30)
    page.wait_for_timeout(1300)
    assert page.evaluate("shifted") < 0.05
    page = visit(page.context, site.url)
    wait_ready(page)
    page.wait_for_timeout(300)
    assert page.evaluate("shifted") < 0.05


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_the_opening_and_write_are_in_the_first_sight(open_at, width):
    page = open_at(width)
    page.wait_for_selector("#facts div")
    for name in ("prompt", "write"):
        assert page.evaluate(f"document.querySelector('#{name}').getBoundingClientRect().bottom") < 800
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def complaints(page):
    """What axe-core says, with the elements that it means. A driver may put it in past the page's policy."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8") + "; 0")
    return page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map("
        "  ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`))"
    )


# Every two of width, scheme and language meet in the first four; make test-all has all three.
LOOKS = [(360, "light", "zh-CN"), (360, "dark", "en"), (1440, "light", "en"), (1440, "dark", "zh-CN")]
OTHER_LOOKS = [(360, "light", "en"), (360, "dark", "zh-CN"), (1440, "light", "zh-CN"), (1440, "dark", "en")]


@pytest.mark.parametrize(
    ("width", "scheme", "locale"), [*LOOKS, *(pytest.param(*look, marks=pytest.mark.slow) for look in OTHER_LOOKS)]
)
def test_axe_finds_nothing_before_while_and_after_writing(open_at, width, scheme, locale):
    page = open_at(width, locale=locale, color_scheme=scheme)
    page.wait_for_selector("#facts div")
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    assert complaints(page) == []
    set_setting(page, "maxNewTokens", 2000)
    set_setting(page, "versions", 2)
    page.fill("#prompt", "却说曹操")
    page.click("#write")
    page.wait_for_selector("article .fresh:not(:empty)")
    assert complaints(page) == []
    page.evaluate("document.querySelector('#stop').click()")  # it may have gone meanwhile
    wait_idle(page)
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    page.wait_for_timeout(200)
    assert complaints(page) == []


def test_what_is_pressed_is_large_enough(open_at):
    page = open_at(360)
    write(page, "却说曹操", maxNewTokens=20, versions=2)
    wait_until(page, "runs.length === 2")
    wait_idle(page)
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
    page.wait_for_timeout(200)
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, summary, select, input:not([type=checkbox]), label.check')]
            .map((element) => [element, element.getBoundingClientRect()])
            .filter(([, { width, height }]) => width && (height < 44 || width < 44))
            .map(([element, { width, height }]) => `${element.outerHTML} ${width} ${height}`)"""
    )
    assert small == []


def test_at_twice_the_size_the_controls_are_in_view(open_at):
    page = open_at(360)
    page.set_viewport_size({"width": 180, "height": 400})  # 200 % on a phone
    page.wait_for_selector("#facts div")
    write(page, "却说曹操", maxNewTokens=20)
    assert page.evaluate("document.documentElement.scrollWidth") <= 180
    page.evaluate("document.querySelector('#continue').scrollIntoView()")
    assert page.locator("#continue").is_visible()


def test_the_program_that_writing_needs_is_small(open_at, site):
    page = open_at(360)  # without a service worker, which keeps all of the page for later
    write(page, "却说曹操", maxNewTokens=20)
    folder = pathlib.Path(site.folder)
    program = {path for path in site.requests if path.endswith((".js", ".css", ".html")) or path == ""}
    assert program >= {"app.js", "worker_wasm.js", "style.css"}
    assert not {path for path in program if path.startswith(("inspect", "originality"))}
    sizes = {path: len(gzip.compress((folder / (path or "index.html")).read_bytes(), 9)) for path in program}
    assert sum(sizes.values()) < 360_000, sizes

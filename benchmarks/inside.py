"""How long a look inside takes in the page, for a model of 82 million parameters and a text of 200 tokens.

    python -m benchmarks.inside --folder=DIR

Uses the site that benchmarks.browser makes, and makes it when it is not there. Ends in one JSON line; times in
milliseconds, each from the press until what was asked for stands on the page.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile

from benchmarks.browser import _site

TOKENS = 200
PLACES = range(10, TOKENS, 8)
TIMED = """async (selector, done) => {
  const started = performance.now();
  document.querySelector(selector).click();
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
  return performance.now() - started;
}"""


def main(argv=None):
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default=os.path.join(tempfile.gettempdir(), "tf_gpt2_browser_benchmark"))
    parser.add_argument("--backend", default="kernels", help="as in ?backend=")
    options = parser.parse_args(argv)
    site = _site(pathlib.Path(options.folder), "jinyong")
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
    from playwright.sync_api import sync_playwright
    from web.site_server import SiteServer

    server = SiteServer(site)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en")
        page.set_default_timeout(300_000)
        page.goto(f"{server.url}?backend={options.backend}")
        figures = {"benchmark": "inside", "backend": options.backend, "cpu_cores": os.cpu_count()} | _measure(page)
        browser.close()
    server.stop()
    print(json.dumps(figures))


def _measure(page):
    page.evaluate(
        "window.runs = []; window.source = null;"
        "addEventListener('run-done', ({ detail }) => runs.push(detail));"
        "addEventListener('inside-source', ({ detail }) => { source = detail; }); 0"
    )
    page.evaluate("document.querySelector('#settings').open = true")
    for name, value in (("maxNewTokens", TOKENS - 10), ("versions", 2), ("seed", 1)):
        page.fill(f"#setting-{name}", str(value))
        page.press(f"#setting-{name}", "Tab")
    page.uncheck("#setting-finishSentence")
    page.fill("#prompt", "却说曹操引兵来到城下")
    page.click("#write")
    _until(page, "runs.length === 2 && document.body.dataset.busy === 'false'")
    page.locator("article").first.get_by_role("button", name="See inside").click()  # not the one written last
    _until(page, "source !== null && document.querySelectorAll('.inside-bars li').length === 10")
    figures = {"tokens": page.evaluate("source.tokens.length")}
    places = ", ".join(str(place) for place in PLACES)
    times = page.evaluate(
        "(async () => { const times = []; for (const place of [" + places + "]) {"
        " const started = performance.now(); document.querySelectorAll('.inside-token')[place].click();"
        " const busy = () => document.querySelector('.inside-candidates').getAttribute('aria-busy');"
        " while (busy()) await new Promise((go) => setTimeout(go, 0)); times.push(performance.now() - started); }"
        " return times; })()"
    )
    figures["candidates_median"], figures["candidates_worst"] = statistics.median(times), max(times)
    for view, done in (
        ("model", "document.querySelectorAll('.inside-layer-row[data-drawn]').length >= seen()"),
        ("heads", "document.querySelector('.inside-lines')"),
        ("neurons", "document.querySelector('.inside-neurons tbody tr')"),
        ("lens", "document.querySelector('.inside-lens-table')"),
        ("surprise", "document.querySelector('.inside-panel .surprise.step-0, .inside-panel .surprise.step-4')"),
    ):
        seen = "const seen = () => document.querySelectorAll('.inside-layer-row').length || 1;"
        expression = f"(async () => {{ {seen} return ({TIMED})('[data-view={view}]', () => {done}); }})()"
        if view == "model":
            page.evaluate("document.querySelector('#inside').scrollIntoView(); innerHeight")
            page.set_viewport_size({"width": 1440, "height": 1600})
        figures[f"open_{view}"] = page.evaluate(expression)
    page.click("[data-view=heads]")
    page.wait_for_timeout(500)
    figures["hover_frames_per_second"] = _hover(page)
    figures["hover_frame_worst"] = page.evaluate("window.worst")
    return figures


def _hover(page):
    """Frames a second while the pointer goes over tokens, a new one each frame."""
    return page.evaluate(
        """async () => {
          const rows = document.querySelectorAll('.inside-column.query .inside-row');
          const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
          let before = await frame();
          const times = [];
          for (let at = 0; at < 120; at++) {
            rows[60 + at].dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
            const now = await frame();
            times.push(now - before);
            before = now;
          }
          window.worst = Math.max(...times);
          return 1000 * times.length / times.reduce((sum, time) => sum + time, 0);
        }"""
    )


def _until(page, expression):
    while not page.evaluate(expression):
        page.wait_for_timeout(50)


if __name__ == "__main__":
    main()

"""Takes the pictures of README.md and the guides from a site in a real browser: `make pictures`.

    python docs/take_pictures.py --site=runs/demo/site

A font with Chinese characters must be installed (on Debian: apt install fonts-wqy-microhei). The last line is JSON:
bytes by file.
"""

import argparse
import functools
import http.server
import json
import pathlib
import shutil
import threading

from playwright.sync_api import sync_playwright

FOLDER = pathlib.Path(__file__).parent / "pictures"
OPENING = "却说曹操"
SEED = 7
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1000, "height": 800}
VIEWS = ("candidates", "lens")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Takes all pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--site", default="runs/demo/site", help="folder of a site")
    parser.add_argument("--output", default=str(FOLDER), help="folder of the pictures")
    parser.add_argument("--opening", default=OPENING, help="what the text begins with; empty: the page's first")
    parser.add_argument("--only", choices=["phone"], help="that picture of the page alone")
    options = parser.parse_args()
    output = pathlib.Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    browser_path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    address = _serve(options.site)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = _written(browser, address, PHONE, "light", options.opening)
        page.screenshot(path=output / "page_phone.png")
        if options.only is None:
            _take_others(browser, address, output)
        browser.close()
    print(json.dumps({path.name: path.stat().st_size for path in sorted(output.glob("*.png"))}))


def _take_others(browser, address, output):
    page = _written(browser, address, PHONE, "dark")
    page.screenshot(path=output / "page_phone_dark.png")
    page = _written(browser, address, DESKTOP, "light")
    page.screenshot(path=output / "page_desktop.png")
    page.locator("#inside summary").first.click()
    for view in VIEWS:
        page.click(f"[data-view={view}]")
        _settle(page)
        page.locator("#inside").screenshot(path=output / f"inside_{view}.png")


def _serve(folder: str) -> str:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *values):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def _written(browser, address, viewport, scheme, opening=OPENING):
    """The page with a text on it, in the language of the opening."""
    chinese = "\u4e00" <= opening[:1] <= "\u9fff"
    context = browser.new_context(viewport=viewport, color_scheme=scheme, locale="zh-CN" if chinese else "en-GB")
    page = context.new_page()
    page.goto(address)
    if opening:
        page.fill("#prompt", opening)
    else:
        page.click("#openings button")
    page.click("#settings summary")
    page.fill("#setting-seed", str(SEED))
    page.press("#setting-seed", "Tab")
    page.click("#settings summary")
    page.click("#write")
    page.wait_for_selector("article .fresh:not(:empty)", timeout=120_000)
    page.wait_for_selector("body[data-busy=false]", timeout=120_000)
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(500)
    return page


def _settle(page):
    page.wait_for_selector(".inside-panel [aria-busy=true]", state="detached", timeout=120_000)
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main()

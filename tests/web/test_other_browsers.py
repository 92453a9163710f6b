"""Firefox and WebKitGTK: the page loads, writes, comes back after a reload, and opens what was shared."""

import json

import pytest

from web.manuscript_page import KEPT_TEXTS
from web.other_browsers import BROWSERS, MissingError
from web.web_page import SITE_VERSION, TOLD_OF_A_NEW_ONE, name_again

pytestmark = pytest.mark.browsers

SETTINGS = {"temperature": 0.5, "topK": 40, "topP": 1, "repetitionPenalty": 1, "seed": 7, "maxNewTokens": 40}
IN_PYTHON = {"temperature": 0.5, "top_k": 40, "top_p": 1, "repetition_penalty": 1, "seed": 7, "max_new_tokens": 40}
OPENING = "玄德"
SHOWN = "[...document.querySelectorAll('article .passage')].map((passage) => passage.textContent)"
NOTICES = "[...document.querySelectorAll('#notices [data-code]')].map((item) => item.dataset.code)"
AT_REST = "document.body.dataset.phase === 'ready' && document.body.dataset.busy === 'false'"


@pytest.fixture(params=BROWSERS)
def start_browser(request, site):  # the site first: TensorFlow compiles while no browser waits
    """Starts the browser as somebody who has never been there."""
    started = []

    def start():
        try:
            started.append(BROWSERS[request.param]())
        except MissingError as error:
            pytest.fail(str(error))
        return started[-1]

    yield start
    for browser in started:
        browser.close()


def write(browser):
    """By one press of Write, which loads the model too."""
    browser.wait_until("document.querySelector('#facts div') !== null")
    for name, value in SETTINGS.items():
        browser.fill(f"#setting-{name}", value)
    browser.evaluate("document.querySelector('#setting-finishSentence').click()")
    browser.fill("#prompt", OPENING)
    browser.click("#write")
    browser.wait_until(f"{AT_REST} && document.querySelector('article .fresh')?.textContent")
    return browser.evaluate(SHOWN)


def test_it_loads_writes_reloads_and_opens_a_shared_link(start_browser, site, python_model):
    expected = [python_model.generate(OPENING, **IN_PYTHON).rstrip("\ufffd")]
    browser = start_browser()
    browser.open(site.url)
    assert write(browser) == expected
    assert browser.evaluate(NOTICES) == []
    browser.wait_until(f"({KEPT_TEXTS})().then((texts) => texts.includes({json.dumps(expected[0])}))")
    browser.reload()
    browser.wait_until(f"{AT_REST} && document.querySelector('article .passage')")
    assert browser.evaluate(SHOWN) == expected
    # The second visit is isolated; where threads are absent all the same, nothing is said of them.
    assert browser.evaluate("crossOriginIsolated")
    assert browser.evaluate("document.body.dataset.backend") in ("threads", "kernels")
    assert browser.evaluate(NOTICES) == []
    browser.click("#share")
    browser.wait_until("location.hash.startsWith('#w=')")
    other = start_browser()
    other.open(site.url + browser.evaluate("location.hash"))
    other.wait_until(f"document.querySelector('#shared-text').textContent === {json.dumps(expected[0])}")
    other.click("#shared-take")
    other.wait_until(f"document.querySelector('#shared').hidden && {AT_REST}")
    assert other.evaluate(SHOWN) == expected
    assert other.evaluate(NOTICES) == []
    assert (browser.errors, other.errors) == ([], [])


def test_an_open_tab_stays_with_its_version_of_the_site(start_browser, site):
    browser = start_browser()
    browser.open(site.url)
    browser.wait_until("navigator.serviceWorker.controller !== null")
    browser.reload()  # the first visit is the host's own, this one the service worker's
    style = site.folder / "style.css"
    style.write_bytes(style.read_bytes() + b"body{--version:new}")
    name_again(site.folder)
    browser.wait_until(TOLD_OF_A_NEW_ONE)
    browser.wait_until(f"{SITE_VERSION}.then((version) => version === 'old')")
    assert write(browser)
    browser.reload()
    browser.wait_until(f"{SITE_VERSION}.then((version) => version === 'new')")
    assert (browser.evaluate(NOTICES), browser.errors) == ([], [])

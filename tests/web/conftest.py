"""A tiny model on a page, and a real browser in front of it."""

import os
import pathlib
import shutil

import pytest
from bundle_reader import read_weights
from eager import eagerly

from web.site_server import SiteServer
from web.web_page import make_model_directory, nearest_weights, visit

WEB = pathlib.Path(__file__).resolve().parent.parent.parent / "web"
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(autouse=True, scope="module")
def _nearest_weights():
    with nearest_weights():
        yield


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory):
    return make_model_directory(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def python_model(site_folder):
    """The engine of tf_gpt2.generation on the weights that the int8 bundle holds."""
    from tf_gpt2.generation import TextGenerator
    from tf_gpt2.model_directory import load_config
    from tf_gpt2.tokenizer import Tokenizer

    bundle = site_folder / "bundle"
    return TextGenerator(load_config(bundle), read_weights(bundle), Tokenizer.load(bundle), jit_compile=False)


@pytest.fixture(scope="session")
def site_folder(model_directory, tmp_path_factory):
    from export.browser.site import write_site

    if not (WEB / "dist" / "index.html").exists():
        pytest.fail("the page is not built; run make web")
    openings = tmp_path_factory.mktemp("openings") / "openings.txt"
    openings.write_text("三国演义\t却说曹操\n三国演义\t玄德曰\n另一部书\t只见城上\n", "utf-8")
    folder = tmp_path_factory.mktemp("site") / "site"
    with nearest_weights(), eagerly(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.browser.site.PASSAGE_TOKENS", 40)
        write_site(model_directory, folder, dtype="int8", name="小模型 <b>GPT-2</b>", openings=openings, samples=3)
    return folder


@pytest.fixture
def site(site_folder, tmp_path):
    """A host of its own for each test, on a copy that the test may change."""
    folder = tmp_path / "site"
    shutil.copytree(site_folder, folder)
    server = SiteServer(folder)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium():
    """Starts browsers: chromium(*flags)."""
    from playwright.sync_api import sync_playwright

    names = [
        os.environ.get("CHROMIUM", ""),
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ]
    path = next((found for name in names if (found := shutil.which(name))), None)
    browsers = {}
    with sync_playwright() as playwright:

        def start(*flags):
            if flags not in browsers:
                arguments = [*FLAGS, *flags]
                # Without a locale Chromium cannot write the name of a file in Chinese, and calls it "download".
                environment = {**os.environ, "LC_ALL": "C.UTF-8"}
                browsers[flags] = playwright.chromium.launch(executable_path=path, args=arguments, env=environment)
            return browsers[flags]

        yield start
        for browser in browsers.values():
            browser.close()


@pytest.fixture
def open_page(
    site, chromium, request
):  # in this order: TensorFlow compiles the samples before Playwright's event loop runs
    """Opens the site as a visitor who has never been there: open_page(address end, *flags, **options).

    Where a module says SERVICE_WORKERS = "block", and the test not "allow", nothing fetches the whole page again to
    keep it.
    """
    contexts = []
    usual = getattr(request.module, "SERVICE_WORKERS", "allow")

    def start(end="", *flags, locale="zh-CN", service_workers=usual):
        context = chromium(*flags).new_context(
            locale=locale, accept_downloads=True, service_workers=service_workers
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
        return visit(context, site.url + end)

    yield start
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def shared_page(site_folder, chromium):
    """A tab for tests that only look; without the service worker, which would fetch all of the page again."""
    server = SiteServer(site_folder)
    context = chromium().new_context(locale="zh-CN", service_workers="block")
    context.set_default_timeout(30_000)
    yield visit(context, server.url)
    context.close()
    server.stop()


@pytest.fixture
def viewed(shared_page):
    """A written text with its views open, for a test that changes neither the text nor the page's settings."""
    from web.inside_page import inside_of

    return inside_of(shared_page)


@pytest.fixture
def inside(open_page):
    """A written text with its views open."""
    from web.inside_page import inside_of

    return inside_of(open_page())

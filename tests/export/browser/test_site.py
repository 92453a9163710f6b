"""What the exporter writes around the bundle."""

import hashlib
import json

import pytest
from PIL import Image

from export.browser import pictures
from export.browser.head import write_head
from export.browser.site import PAGE_LIST, SERVICE_WORKER, check_page, name_shell
from tf_gpt2.errors import UserError
from tf_gpt2.fonts import font_for

FILES = {"index.html": b"<!doctype html>", "app.js": b"run()"}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def page(tmp_path):
    """A built page."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / SERVICE_WORKER).write_text("work()", "utf-8")
    (tmp_path / PAGE_LIST).write_text(json.dumps({name: sha256(content) for name, content in FILES.items()}))
    return tmp_path


def test_a_page_of_two_builds_is_refused(page):
    check_page(page)
    (page / "app.js").write_bytes(b"run(2)")
    with pytest.raises(UserError, match=r"app\.js is missing or not the one that was built"):
        check_page(page)
    (page / "app.js").unlink()
    with pytest.raises(UserError, match=r"app\.js is missing"):
        check_page(page)


def test_the_service_worker_is_told_each_file_and_its_hash(page):
    (page / "bundle").mkdir()
    name_shell(page)
    first, rest = (page / SERVICE_WORKER).read_text("utf-8").split(";\n")
    shell = json.loads(first.removeprefix("self.SHELL = "))
    assert shell["files"] == {name: sha256(content) for name, content in sorted(FILES.items())}
    assert rest == "work()"


def test_a_change_of_any_file_is_another_version(page):
    def version():
        (page / SERVICE_WORKER).write_text("work()", "utf-8")
        name_shell(page)
        return (page / SERVICE_WORKER).read_text("utf-8").split('"')[3]

    before = version()
    assert version() == before
    (page / "app.js").write_bytes(b"run(2)")
    assert version() != before


SITE = {
    "name": "小模型 <b>GPT-2</b>",
    "books": ["三国演义", "水浒传"],
    "samples": [{"book": "三国演义", "prompt": "却说曹操", "text": "引兵来到城下，" * 30}],
}


def write(folder, site=SITE, url=None):
    (folder / "index.html").write_text('<head><meta charset="utf-8" /><title>GPT-2</title></head>', "utf-8")
    write_head(folder, site, url)
    return (folder / "index.html").read_text("utf-8")


def test_the_page_has_a_title_and_a_preview_of_its_own(tmp_path):
    page = write(tmp_path, url="https://example.org/novels")
    assert "<title>小模型 &lt;b&gt;GPT-2&lt;/b&gt;</title>" in page and "<b>" not in page
    assert 'name="description" content="它读过《三国演义》《水浒传》，会在你的浏览器里接着写。"' in page
    assert 'property="og:image" content="https://example.org/novels/preview.png"' in page
    assert 'property="og:url" content="https://example.org/novels/"' in page
    assert 'content="preview.png"' in write(tmp_path)
    english = {"name": "Small GPT-2", "books": ["Emma", "Persuasion"], "samples": []}
    assert "It has read Emma, Persuasion, and writes on" in write(tmp_path, english)
    for wrong in ("example.org", "javascript:alert(1)", 'https://a"b'):
        with pytest.raises(UserError, match="`url` must be the address"):
            write(tmp_path, url=wrong)


def test_it_installs_as_an_app_with_icons_of_the_sizes_that_the_manifest_says(tmp_path):
    page = write(tmp_path)
    assert '<link rel="manifest" href="app.webmanifest" />' in page
    manifest = json.loads((tmp_path / "app.webmanifest").read_text("utf-8"))
    assert (manifest["name"], manifest["start_url"], manifest["display"]) == (SITE["name"], ".", "standalone")
    assert {icon.get("purpose") for icon in manifest["icons"]} == {None, "maskable"}
    for icon in manifest["icons"]:
        with Image.open(tmp_path / icon["src"]) as image:
            assert f"{image.width}x{image.height}" == icon["sizes"]
            middle = image.convert("RGB").getcolors(1 << 20)
            assert len(middle) > 2  # the mark is on it, with smooth edges


@pytest.mark.parametrize("name", ["小模型", "", "\U0010ffff" * 300, "a" * 3000])
def test_the_preview_is_drawn_whatever_the_fonts_of_the_machine_lack(tmp_path, name):
    write(tmp_path, SITE | {"name": name})
    with Image.open(tmp_path / "preview.png") as image:
        assert image.size == (1200, 630)


def test_a_preview_shows_name_and_line_and_breaks_long_lines(tmp_path):
    def ink(site):
        write(tmp_path, site)
        with Image.open(tmp_path / "preview.png") as image:
            return sum(count for count, pixel in image.getcolors(1 << 20) if pixel == (35, 32, 28))

    text = "The old man looked at the sea and said nothing. " * 8
    line = [{"book": "", "prompt": "", "text": text}]
    if not font_for("Emma", 20):
        pytest.skip("this machine has no font")
    empty = {"name": "Emma", "books": [], "samples": []}
    assert ink(empty) < ink(empty | {"samples": line})
    font = font_for(text, 44)
    lines = list(pictures._lines(text, font, 400))
    assert len(lines) > 4 and all(font.getlength(one) <= 400 for one in lines)
    assert " ".join(lines).split() == text.split()

"""What the exporter writes around the bundle."""

import hashlib
import json

import pytest

from export.browser.site import PAGE_LIST, SERVICE_WORKER, check_page, name_shell
from tf_gpt2.errors import UserError

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

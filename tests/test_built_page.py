"""The page is found in a package that carries it, and in a checkout; else one line says what to do."""

import pytest

from tf_gpt2 import built_page as module
from tf_gpt2.errors import UserError


def _page(folder):
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    return folder


def test_the_page_of_the_package_goes_first(tmp_path, monkeypatch):
    packaged, built = _page(tmp_path / "page"), _page(tmp_path / "dist")
    monkeypatch.setattr(module, "_PLACES", (packaged, built))
    assert module.built_page() == packaged


def test_a_checkout_has_it_in_web_dist(tmp_path, monkeypatch):
    (tmp_path / "page").mkdir()
    built = _page(tmp_path / "dist")
    monkeypatch.setattr(module, "_PLACES", (tmp_path / "page", built))
    assert module.built_page() == built


def test_a_missing_page_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_PLACES", (tmp_path / "page",))
    with pytest.raises(UserError, match="make web"):
        module.built_page()

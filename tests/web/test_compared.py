"""Two models' passages beside each other: on one line where there is room, one under the other on a phone."""

import json

import pytest

from web.test_first_minute import complaints
from web.web_page import name_again, visit, wait_until


@pytest.fixture
def compared(site, chromium):
    """Opens the site with another model's passages: compared(width, **what a context may be given)."""
    path = site.folder / "site.json"
    content = json.loads(path.read_text("utf-8"))
    content["compared"] = {"name": "LSTM <b>"}
    for number, sample in enumerate(content["samples"]):
        sample["other"] = f"另一个模型的第{number}段。"
    path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    name_again(site.folder)
    contexts = []

    def start(width, **options):
        viewport = {"width": width, "height": 900}
        context = chromium().new_context(viewport=viewport, **{"locale": "zh-CN", **options})
        contexts.append(context)
        page = visit(context, site.url)
        page.wait_for_selector("#other-text")
        return page, content["samples"]

    yield start
    for context in contexts:
        context.close()


def boxes(page):
    return [page.locator(name).bounding_box() for name in ("#sample-text", "#other-text")]


def shown(page):
    return [page.inner_text(name).replace("\n", "") for name in ("#sample-text", "#other-text")]


def test_both_begin_with_the_same_opening_and_have_their_names(compared):
    page, samples = compared(1440)
    ours, other = shown(page)
    assert ours == (samples[0]["prompt"] + samples[0]["text"]).replace("\n", "")
    assert other == samples[0]["prompt"] + samples[0]["other"]
    assert page.locator("#samples h3").all_inner_texts() == ["小模型 <b>GPT-2</b>", "LSTM <b>"]
    assert page.inner_text("#samples-title") == "同一个开头，两个模型"
    page.click("#language")
    wait_until(page, "document.querySelector('#samples-title').textContent === 'The same openings, two models'")


def test_side_by_side_where_there_is_room_and_one_under_the_other_on_a_phone(compared):
    page, _ = compared(1440)
    ours, other = boxes(page)
    assert abs(ours["y"] - other["y"]) < 2 and other["x"] >= ours["x"] + ours["width"]
    page.set_viewport_size({"width": 360, "height": 800})
    ours, other = boxes(page)
    assert other["y"] >= ours["y"] + ours["height"] and abs(ours["x"] - other["x"]) < 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_left_and_right_and_a_book_turn_both(compared):
    page, samples = compared(1440)
    page.click("#sample-next")
    wait_until(page, "document.querySelector('#other-text').textContent.includes('第1段')")
    assert shown(page)[0].startswith(samples[1]["prompt"])
    page.focus("#other-text")
    page.keyboard.press("ArrowLeft")
    wait_until(page, "document.querySelector('#other-text').textContent.includes('第0段')")
    page.select_option("#sample-books", "另一部书")
    wait_until(page, "document.querySelector('#other-text').textContent.includes('第1段')")


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(compared, width, scheme):
    page, _ = compared(width, color_scheme=scheme, locale="en")
    assert complaints(page) == [] and page.errors == []


def test_paper_and_frames_have_the_desk_alone(compared, site):
    page, _ = compared(1440)
    page.emulate_media(media="print")
    assert not page.is_visible("#samples")
    page.emulate_media(media="screen")
    assert page.is_visible("#samples")
    page.goto(f"{site.url}?embed=1")
    page.wait_for_selector("#other-text", state="attached")
    assert not page.is_visible("#samples")


def test_a_site_without_another_model_shows_passages_as_before(open_page):
    page = open_page()
    page.wait_for_selector("#sample-text span")
    assert page.locator("#other-text").count() == 0
    assert page.evaluate("document.querySelector('#samples').parentElement.tagName") == "ASIDE"

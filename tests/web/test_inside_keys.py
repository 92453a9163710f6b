"""Each view is reached by keyboard: one stop of Tab for a grid of buttons, and arrows inside it."""

from web.inside_page import COUNT, show
from web.web_page import wait_until

STOPS = "(name) => document.querySelectorAll(`.inside-panel ${name}:not([tabindex='-1'])`).length"
FOCUSED = "document.activeElement.getAttribute('aria-label') ?? ''"


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def settled(page):
    wait_until(page, "document.querySelector('.inside-panel [aria-busy=true]') === null")


def test_heads_are_one_stop_and_arrows_go_through_them(inside):
    show(inside, "model")
    wait_until(inside, "document.querySelectorAll('.inside-layer-row[data-drawn]').length === 2")
    assert inside.evaluate(STOPS, ".inside-thumbnail") == 1
    inside.focus(".inside-thumbnail")
    press(inside, "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight")
    assert "第 2 层第 3 头" in inside.evaluate(FOCUSED)
    press(inside, "Home", "Enter")
    assert inside.locator(".inside-large .inside-row").count() == 2 * COUNT
    assert inside.locator(".inside-large .inside-head[aria-pressed=true]").all_text_contents() == ["1"]
    assert inside.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert inside.evaluate(STOPS, ".inside-thumbnail") == 1


def test_answers_of_the_layers_are_one_stop(inside):
    show(inside, "lens")
    assert inside.evaluate(STOPS, ".inside-lens") == 1
    inside.focus(".inside-lens")
    press(inside, "End", "ArrowDown")
    label = inside.evaluate(FOCUSED)
    press(inside, "Enter")
    assert inside.locator(".inside-ten li").count() == 10
    assert label == inside.locator(".inside-lens-table tbody tr").nth(1).locator("button").last.get_attribute(
        "aria-label"
    )


def test_a_keys_numbers_are_written_out_by_keyboard_and_another_token_shows_under_the_pointer(inside):
    show(inside, "neurons")
    inside.locator(".inside-panel .inside-token").nth(9).click()
    inside.mouse.move(0, 0)
    settled(inside)
    rows = inside.locator(".inside-neurons tbody tr")
    wait_until(inside, "document.querySelectorAll('.inside-neurons tbody tr').length === 10")
    inside.focus(".inside-key-token")
    press(inside, "ArrowDown", "ArrowDown", "Enter")
    wait_until(inside, "document.querySelectorAll('.inside-key-token')[2].getAttribute('aria-pressed') === 'true'")
    assert inside.evaluate("document.activeElement === document.querySelectorAll('.inside-key-token')[2]")
    assert inside.evaluate(STOPS, ".inside-key-token") == 1
    canvas = rows.nth(2).locator("canvas").nth(1)
    assert "16 个元素中第" in canvas.get_attribute("aria-label")
    inside.locator(".inside-panel .inside-token").nth(4).hover()
    wait_until(inside, "document.querySelectorAll('.inside-neurons tbody tr').length === 5")
    assert inside.locator(".inside-panel .inside-token[aria-selected=true]").get_attribute("data-place") == "9"
    inside.mouse.move(0, 0)
    wait_until(inside, "document.querySelectorAll('.inside-neurons tbody tr').length === 10")
    assert inside.errors == []


def test_lines_tell_a_screen_reader_which_token_is_chosen(inside):
    show(inside, "heads")
    inside.focus(".inside-column.query")
    press(inside, "Home", "ArrowDown", "ArrowDown")
    chosen = inside.get_attribute(".inside-column.query", "aria-activedescendant")
    assert inside.locator(f"#{chosen}").get_attribute("data-place") == "2"
    assert "第 3 个词元" in inside.inner_text(".inside-panel [role=status]")
    press(inside, "End")
    assert inside.locator(".inside-column.query [aria-selected=true]").get_attribute("data-place") == str(COUNT - 1)

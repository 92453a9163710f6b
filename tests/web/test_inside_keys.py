"""Each view is reached by keyboard: one stop of Tab for a grid of buttons, and arrows inside it."""

from web.inside_page import COUNT, show, show_all_layers
from web.web_page import wait_until

STOPS = "(name) => document.querySelectorAll(`.inside-panel ${name}:not([tabindex='-1'])`).length"
FOCUSED = "document.activeElement.getAttribute('aria-label') ?? ''"


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def settled(page):
    wait_until(page, "document.querySelector('.inside-panel [aria-busy=true]') === null")


def test_heads_are_one_stop_and_arrows_go_through_them(viewed):
    show_all_layers(viewed)
    assert viewed.evaluate(STOPS, ".inside-thumbnail") == 1
    viewed.focus(".inside-thumbnail")
    press(viewed, "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight")
    assert "第 2 层第 3 头" in viewed.evaluate(FOCUSED)
    press(viewed, "Home", "Enter")
    assert viewed.locator(".inside-large .inside-row").count() == 2 * COUNT
    assert viewed.locator(".inside-large .inside-head[aria-pressed=true]").all_text_contents() == ["1"]
    assert viewed.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert viewed.evaluate(STOPS, ".inside-thumbnail") == 1


def test_answers_of_the_layers_are_one_stop(viewed):
    show(viewed, "lens")
    assert viewed.evaluate(STOPS, ".inside-lens") == 1
    viewed.focus(".inside-lens")
    press(viewed, "End", "ArrowDown")
    label = viewed.evaluate(FOCUSED)
    press(viewed, "Enter")
    assert viewed.locator(".inside-ten li").count() == 10
    assert label == viewed.locator(".inside-lens-table tbody tr").nth(1).locator("button").last.get_attribute(
        "aria-label"
    )


def test_a_keys_numbers_are_written_out_by_keyboard_and_another_token_shows_under_the_pointer(viewed):
    show(viewed, "neurons")
    viewed.locator(".inside-panel .inside-token").nth(9).click()
    viewed.mouse.move(0, 0)
    settled(viewed)
    rows = viewed.locator(".inside-neurons tbody tr")
    wait_until(viewed, "document.querySelectorAll('.inside-neurons tbody tr').length === 10")
    viewed.focus(".inside-key-token")
    press(viewed, "ArrowDown", "ArrowDown", "Enter")
    wait_until(viewed, "document.querySelectorAll('.inside-key-token')[2].getAttribute('aria-pressed') === 'true'")
    assert viewed.evaluate("document.activeElement === document.querySelectorAll('.inside-key-token')[2]")
    assert viewed.evaluate(STOPS, ".inside-key-token") == 1
    canvas = rows.nth(2).locator("canvas").nth(1)
    assert "16 个元素中第" in canvas.get_attribute("aria-label")
    viewed.locator(".inside-panel .inside-token").nth(4).hover()
    wait_until(viewed, "document.querySelectorAll('.inside-neurons tbody tr').length === 5")
    assert viewed.locator(".inside-panel .inside-token[aria-selected=true]").get_attribute("data-place") == "9"
    viewed.mouse.move(0, 0)
    wait_until(viewed, "document.querySelectorAll('.inside-neurons tbody tr').length === 10")
    assert viewed.errors == []


def test_lines_tell_a_screen_reader_which_token_is_chosen(viewed):
    show(viewed, "heads")
    viewed.focus(".inside-column.query")
    press(viewed, "Home", "ArrowDown", "ArrowDown")
    chosen = viewed.get_attribute(".inside-column.query", "aria-activedescendant")
    assert viewed.locator(f"#{chosen}").get_attribute("data-place") == "2"
    assert "第 3 个词元" in viewed.inner_text(".inside-panel [role=status]")
    press(viewed, "End")
    assert viewed.locator(".inside-column.query [aria-selected=true]").get_attribute("data-place") == str(COUNT - 1)

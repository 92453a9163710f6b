"""Whatever the width, the colours, the size of the letters or the script: what is operated can be reached."""

import pytest

from web.web_page import visit, wait_idle, wait_until, write

COLOURS = [{}, {"color_scheme": "dark"}, {"forced_colors": "active"}]
# What is out of sight or small for a finger. A row that scrolls by itself holds its own to it.
OUT_OF_REACH = """() => {
  const out = [];
  for (const element of document.querySelectorAll('button, summary, select, textarea, input, label.check')) {
    if (!element.checkVisibility() || element.matches('[type=checkbox]')) continue;
    const { left, right, width, height } = element.getBoundingClientRect();
    const scrolls = element.closest('#openings, [role=tablist]');
    if (Math.min(width, height) < 44 || (!scrolls && (left < 0 || right > innerWidth)))
      out.push(`${element.outerHTML} ${left} ${right} ${width} ${height}`);
  }
  return out;
}"""
# What can be operated now, the whole of it but for a hidden language or step. Of a row of tabs Tab reaches the
# chosen one; arrows reach the others (ARIA Authoring Practices, tabs).
OPERATED = (
    "button:not(:disabled):not([role=tab][tabindex='-1']), summary, select, textarea, input:not(:disabled), a[href]"
)


@pytest.fixture
def open_written(site, chromium):
    """Opens the site, writes two texts and opens all that is folded: open_written(width, height, **context)."""
    contexts = []

    def start(width, height, opening="却说曹操", **options):
        context = chromium().new_context(
            viewport={"width": width, "height": height}, service_workers="block", **{"locale": "zh-CN", **options}
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = visit(context, site.url)
        page.wait_for_selector("#facts div")
        write(page, opening, maxNewTokens=60, versions=2)
        wait_until(page, "runs.length === 2")
        wait_idle(page)
        page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
        wait_until(page, "document.querySelector('#kept li') !== null")
        return page

    yield start
    for context in contexts:
        context.close()


def tab_through(page):
    """Goes from the page's start to its end by Tab; returns what was reached, and what of it was out of sight.

    Out of sight is an element of which nothing shows: it lies beside the window, or under another.
    """
    page.focus(".skip")  # the first of all
    page.evaluate("window.reached = new Set([document.activeElement])")
    hidden = []
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            return hidden
        said = page.evaluate(
            """() => {
              const element = document.activeElement;
              if (reached.has(element)) return 'again';
              reached.add(element);
              const { left, right, top, bottom } = element.getBoundingClientRect();
              const xs = [left + 5, (left + right) / 2, right - 5], ys = [top + 5, (top + bottom) / 2, bottom - 5];
              const seen = xs.some((x) => ys.some((y) => element.contains(document.elementFromPoint(x, y))));
              return seen ? '' : element.outerHTML;
            }"""
        )
        if said == "again":
            return hidden
        if said:
            hidden.append(said)
    raise AssertionError("Tab finds no end")


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_everything_is_in_view_and_reached_by_tab(open_written, width):
    page = open_written(width, 800)
    for colours in COLOURS:
        page.emulate_media(**{"color_scheme": "light", "forced_colors": "none", **colours})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, colours
        assert page.evaluate(OUT_OF_REACH) == [], colours
        assert tab_through(page) == [], colours
        missed = page.evaluate(
            f"[...document.querySelectorAll({OPERATED!r})].filter((element) => element.checkVisibility()"
            " && !reached.has(element)).map((element) => element.outerHTML)"
        )
        assert missed == [], colours
    assert page.errors == []


@pytest.mark.parametrize(
    ("width", "height"), [(360, 740), pytest.param(768, 1024, marks=pytest.mark.slow), (1440, 900)]
)
def test_at_twice_the_size_everything_is_in_view(open_written, width, height):
    page = open_written(width // 2, height // 2, device_scale_factor=2)  # what zooming to 200 % leaves
    assert page.evaluate("document.documentElement.scrollWidth") <= width // 2
    assert page.evaluate(OUT_OF_REACH) == []
    assert tab_through(page) == []
    # A name beside the button of the language would be a column of letters.
    assert page.evaluate("document.querySelector('#name').getBoundingClientRect().width") > 0.55 * (width / 2 - 40)


def test_in_forced_colours_a_text_is_drawn_once_and_buttons_part(open_written):
    page = open_written(768, 800, forced_colors="active")
    assert page.evaluate("getComputedStyle(document.querySelector('article .passage')).opacity") == "0"
    assert page.evaluate(
        """() => {
          const { webkitTextFillColor, backgroundColor } = getComputedStyle(document.querySelector('.editor'));
          return webkitTextFillColor !== backgroundColor && webkitTextFillColor !== 'rgba(0, 0, 0, 0)';
        }"""
    )
    # Borders show there, and those of neighbours do not run into each other, nor beside their column.
    touching = page.evaluate(
        """() => {
          const box = (element) => element.getBoundingClientRect();
          return [...document.querySelectorAll('.row')].flatMap((row) => {
            const buttons = [...row.querySelectorAll(':scope > button')].filter((one) => one.checkVisibility());
            return buttons.filter((button, place) => {
              const own = box(button), other = place ? box(buttons[place - 1]) : null;
              const beside = other && other.top < own.bottom && own.top < other.bottom;
              return own.left < box(row.parentElement).left || (beside && own.left - other.right < 4);
            }).map((button) => button.outerHTML);
          });
        }"""
    )
    assert touching == []
    write_colours = page.evaluate(
        "['#write', '#continue'].map((name) => getComputedStyle(document.querySelector(name)).backgroundColor)"
    )
    assert len(set(write_colours)) == 2  # the first press stands out


def test_a_text_from_right_to_left_stands_at_the_right_wherever_it_shows(open_written):
    page = open_written(768, 800, opening="مرحبا بالعالم")
    directions = page.evaluate(
        "['#prompt', 'article .passage', 'article .editor', '#kept .title'].map("
        "  (name) => getComputedStyle(document.querySelector(name)).direction)"
    )
    assert directions == ["rtl"] * 4
    # The letters that show and those that are edited lie over each other.
    places = page.evaluate(
        "['.passage', '.editor'].map((name) => document.querySelector(`article ${name}`).getBoundingClientRect())"
        "  .map(({ left, right, top }) => [left, right, top])"
    )
    assert places[0] == pytest.approx(places[1], abs=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 768
    assert page.errors == []

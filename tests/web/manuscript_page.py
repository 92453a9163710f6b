"""What tests do to the texts of a page: press, share, open what was shared, look at what is kept."""

import json

from web.web_page import wait_idle, wait_ready, wait_until

# The text after every passage of all manuscripts that the browser keeps.
KEPT_TEXTS = """async () => {
  const [{ name }] = await indexedDB.databases();
  const ask = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const database = await ask(indexedDB.open(name));
  const all = await ask(database.transaction("manuscripts").objectStore("manuscripts").getAll());
  return all.flatMap(({ passages }) => {
    const texts = [];
    for (const { parent, at, removed, text } of passages) {
      const before = parent === null ? "" : texts[parent];
      texts.push(before.slice(0, at) + text + before.slice(at + removed));
    }
    return texts;
  });
}"""


def wholes(page):
    """The texts that show, with their openings."""
    return page.locator("article .passage").all_text_contents()


def wait_kept(page, texts=None):
    """Waits until the texts that show, or others, are kept, which they are a second after the last change."""
    expected = json.dumps(sorted(wholes(page) if texts is None else texts))
    wait_until(page, f"({KEPT_TEXTS})().then((kept) => {expected}.every((text) => kept.includes(text)))")


def press(page, selector, runs=1):
    """Presses a button that writes, and waits until it has."""
    before = page.evaluate("runs.length")
    page.click(selector)
    wait_until(page, f"runs.length === {before + runs}")
    wait_idle(page)


def link_of(page, article):
    """Presses Share of one text; returns the address's end."""
    before = page.evaluate("location.hash")
    article.get_by_role("button", name="分享").click()
    wait_until(page, f"location.hash !== {json.dumps(before)}")
    return page.evaluate("location.hash")


def take_shared(page):
    page.wait_for_selector("#shared:not([hidden])")
    page.click("#shared-take")
    wait_until(page, "document.querySelector('#shared').hidden")
    wait_ready(page)
    wait_idle(page)
    return wholes(page)


def change(page, article, old, new):
    """Edits a text in place, as typing does."""
    editor = article.locator("textarea")
    editor.fill(editor.input_value().replace(old, new, 1))
    wait_until(page, f"document.querySelector('#versions').textContent.includes({json.dumps(new)})")

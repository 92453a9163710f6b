"""What others read of a site: its title and description, the preview of a link, and how it installs as an app."""

import html
import json
import pathlib
import re

from tf_gpt2.errors import UserError

from .pictures import ICON_SIZES, PREVIEW_SIZE, write_icons, write_preview

MANIFEST_FILE = "app.webmanifest"
PREVIEW_FILE = "preview.png"
LINE_CHARACTERS = 90
_CHINESE = re.compile("[\u3400-\u9fff]")
_TITLE = re.compile("<title>.*?</title>", re.DOTALL)


def write_head(folder: pathlib.Path, site: dict, url: str | None) -> None:
    """Writes title, description, preview, manifest and icons of a site into its folder.

    Args:
        folder: The site, with index.html as it was built.
        site: The content of `site.json`.
        url: Where the site will be published; without it the preview's address is relative, which some readers of
            links do not follow.

    Raises:
        UserError: `url` is no address of a page.
    """
    url = _checked(url)
    name, description = site["name"], _description(site)
    write_icons(folder)
    write_preview(folder / PREVIEW_FILE, name, _line(site))
    (folder / MANIFEST_FILE).write_text(json.dumps(_manifest(name, description), ensure_ascii=False), "utf-8")
    index = folder / "index.html"
    page = index.read_text("utf-8")
    tags = "\n".join(f"    {tag}" for tag in _tags(name, description, url))
    title = f"<title>{html.escape(name)}</title>\n{tags}"
    index.write_text(_TITLE.sub(lambda _: title, page, count=1), "utf-8")


def _checked(url):
    if url is None:
        return ""
    if not re.fullmatch(r"https?://[^\s\"'<>?#]+", url):
        raise UserError(f"`url` must be the address of the published site, https://...; received {url!r}")
    return url if url.endswith("/") else f"{url}/"


def _description(site):
    books = site["books"]
    if _CHINESE.search(site["name"] + "".join(books)):
        shown = "".join(f"《{title}》" for title in books[:3]) + ("等书" if len(books) > 3 else "")
        return f"它读过{shown}，会在你的浏览器里接着写。" if books else "一个会在你的浏览器里接着写的模型。"
    read = f"It has read {', '.join(books[:3])}{' and more' if len(books) > 3 else ''}, and" if books else "It"
    return f"{read} writes on in your browser."


def _line(site):
    """A line that the model wrote, its opening before it."""
    if not site["samples"]:
        return ""
    sample = site["samples"][0]
    text = " ".join((sample["prompt"] + sample["text"]).split("\n"))
    return text if len(text) <= LINE_CHARACTERS else f"{text[: LINE_CHARACTERS - 1]}…"


def _manifest(name, description):
    icons = [{"src": f"icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"} for size in ICON_SIZES]
    largest = f"{ICON_SIZES[-1]}x{ICON_SIZES[-1]}"
    return {
        "name": name,
        "short_name": name[:12],
        "description": description,
        "id": ".",
        "start_url": ".",
        "scope": ".",
        "display": "standalone",
        "background_color": "#fbf8f1",
        "theme_color": "#9c2f24",
        "icons": [*icons, {"src": "icon-mask.png", "sizes": largest, "type": "image/png", "purpose": "maskable"}],
    }


def _tags(name, description, url):
    """What goes into the page's head."""

    def meta(kind, key, value):
        return f'<meta {kind}="{key}" content="{html.escape(str(value))}" />'

    yield meta("name", "description", description)
    yield meta("property", "og:type", "website")
    yield meta("property", "og:title", name)
    yield meta("property", "og:description", description)
    yield meta("property", "og:image", url + PREVIEW_FILE)
    yield meta("property", "og:image:width", PREVIEW_SIZE[0])
    yield meta("property", "og:image:height", PREVIEW_SIZE[1])
    if url:
        yield meta("property", "og:url", url)
        yield f'<link rel="canonical" href="{html.escape(url)}" />'
    yield meta("name", "twitter:card", "summary_large_image")
    yield f'<link rel="manifest" href="{MANIFEST_FILE}" />'
    yield f'<link rel="apple-touch-icon" href="icon-{ICON_SIZES[0]}.png" />'

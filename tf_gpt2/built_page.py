"""Where the built page is: inside the installed package, or in web/dist of a checkout."""

import pathlib

from tf_gpt2.errors import UserError

_PACKAGE = pathlib.Path(__file__).resolve().parent
# A wheel carries the page beside the exporters; a checkout builds it in web/dist.
_PLACES = (_PACKAGE / "export" / "page", _PACKAGE.parent / "web" / "dist")


def built_page() -> pathlib.Path:
    """The folder of the built page: index.html with its scripts.

    Raises:
        UserError: It is not there.
    """
    for place in _PLACES:
        if (place / "index.html").is_file():
            return place
    raise UserError(
        "the page is not built: in a checkout run `make web`; one installed where Node was missing has none: "
        "install again with Node 20 or later, or give a built page as `page`"
    )

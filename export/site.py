"""Makes a page that writes in the visitor's browser.

    tf-gpt2 site --run_dir=runs/demo --output=site

The folder is served as it is by any static host, under any path. Nothing in it is fetched from elsewhere.
"""

import json
from collections.abc import Sequence

from tf_gpt2 import command


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _export)


def _flags() -> command.Flags:
    flags = command.Flags("export.site", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.string("run_dir", "runs/demo", command.MODEL_HELP, value="DIR")
    flags.string(
        "output", None, "Directory to write the site into; a former export there is replaced.", value="DIR"
    )
    flags.string("name", None, "Heading of the page. Default: from the books.", value="NAME")
    flags.string(
        "url", None, "Where the site will be published, for the preview that a pasted link shows.", value="URL"
    )
    flags.group("The model on the page")
    flags.choice(
        "dtype",
        "int8",
        ["int8", "float16", "float32"],
        "How the visitor's download stores the weights; int8 is a quarter of float32.",
    )
    flags.group("What the page offers at its start")
    flags.string(
        "openings",
        None,
        'File of openings, one a line, "book<TAB>opening". Default: from the books.',
        value="FILE",
    )
    flags.integer("samples", 24, "Passages to write for the page's start, at most; 0 for none.", least=0)
    flags.string(
        "compare",
        None,
        "Another model whose continuations of the same openings stand beside the passages: a model directory, or a "
        ".jsonl of prompts and texts as sample --prompts_file writes it.",
        value="DIR",
    )
    flags.string(
        "compare_name", None, "What the page calls it. Default: the name of its directory or file.", value="NAME"
    )
    flags.choice(
        "originality",
        "none",
        ["none", "hashes", "index"],
        "What visitors can tell copies of the training text by: an index, which holds that text, or hashes, which "
        "tell length and book of a copy. Either is downloaded only when asked for.",
    )
    flags.string("page", None, "Folder with the built page. Default: the one that comes with tf_gpt2.", value="DIR")
    return flags


def _export(flags: command.Values) -> int:
    flags.demand("output", "must name the directory to write; for example --output=site")
    from .browser.site import write_site

    site = write_site(
        flags.run_dir,
        flags.output,
        dtype=flags.dtype,
        name=flags.name,
        openings=flags.openings,
        samples=flags.samples,
        page=flags.page,
        url=flags.url,
        compare=flags.compare,
        compare_name=flags.compare_name,
        originality=flags.originality,
    )
    command.message(
        f"open it: python -m http.server --directory {flags.output} 8000, then http://localhost:8000 in a browser"
    )
    command.result(json.dumps({"output": flags.output, "bytes": site["bytes"], "dtype": site["dtype"]}))
    return 0


if __name__ == "__main__":
    command.run(main)

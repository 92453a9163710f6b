"""Shows what a model computes for a text, in one HTML file that opens from disk without a network.

    python -m tf_gpt2.inspect --run_dir=runs/demo --text=却说曹操引兵 --output=inside.html

The views: the likeliest next tokens and what the settings make of them (candidates), how unexpected each token was
(surprise), attention as model, head and replay (attention), queries and keys of one head (neurons), what the model
would say after each layer (lens), and a walk through all of it with the text's own numbers (walk). docs/inside.md
explains each.
"""

import json
import pathlib
from collections.abc import Sequence

from tf_gpt2 import command
from tf_gpt2.files import read_text
from tf_gpt2.inspection.views import LANGUAGES, VIEWS, check_views


def main(argv: Sequence[str]) -> int:
    """Runs the command."""
    return command.parsed(_flags(), argv, _inspect)


def _flags() -> command.Flags:
    flags = command.Flags("tf_gpt2.inspect", __doc__ or "", aliases=command.MODEL_ALIASES)
    flags.group("The usual flags")
    flags.string("run_dir", None, command.MODEL_HELP, value="DIR")
    flags.string("text", None, "The text to look at; an empty one shows how a document begins.")
    flags.string("output", None, "HTML file to write; a former one is replaced.", value="FILE")
    flags.strings("views", list(VIEWS), f"Views to show: {','.join(VIEWS)}.", value="NAME,...")
    flags.group("Long texts")
    flags.string("text_file", None, "File with the text, in UTF-8, instead of --text.", value="FILE")
    flags.integer("start", 0, "Tokens to leave out at the beginning.", least=0)
    flags.integer(
        "max_tokens",
        None,
        "Tokens to look at, at most. Default: 400 within the context, fewer of a model too large for that.",
        least=1,
    )
    flags.group("Candidates are shown with")
    flags.number("temperature", None, "Temperature. Default of this and the next two: the model's.")
    flags.integer("top_k", None, "Top-k.")
    flags.number("top_p", None, "Top-p.")
    flags.group("The file")
    flags.string("title", None, "Heading. Default: the text's beginning.")
    flags.choice("language", None, list(LANGUAGES), "Language of the file. Default: the reader's browser's.")
    return flags


def _inspect(flags: command.Values) -> int:
    flags.demand("run_dir", "must name a model directory; received none. `make demo` makes runs/demo")
    flags.demand("output", "must name the file to write; for example --output=inside.html")
    flags.refuse("text_file", ["text"], "the text is the file's")
    if not (flags.given("text") or flags.text_file):
        raise command.CommandError("--text must give the text to look at; for example --text=却说曹操引兵")
    views = check_views(flags.views)
    text = read_text(flags.text_file, argument="text_file") if flags.text_file else flags.text
    from tf_gpt2.generation import load

    given = flags.pick("temperature", "top_k", "top_p")
    seen = load(flags.run_dir).inspect(text, start=flags.start, max_tokens=flags.max_tokens, **given)
    if len(seen.ids) < seen.total:
        command.message(
            f"note: the text has {seen.total} tokens; the file shows {len(seen.ids)}, from token {seen.start + 1} "
            "on. --start and --max_tokens choose others"
        )
    seen.save(flags.output, views=views, title=flags.title, language=flags.language)
    size = pathlib.Path(flags.output).stat().st_size
    facts = {"output": flags.output, "bytes": size, "tokens": len(seen.ids), "views": list(views)}
    command.message(f"open {flags.output} in a browser")
    command.result(json.dumps(facts, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    command.run(main)

"""Writes a page that writes in the visitor's browser.

The folder is served as it is by any static host, under any path. Nothing in it is fetched from elsewhere.
"""

import hashlib
import json
import logging
import os
import pathlib
import shutil

from tf_gpt2.errors import UserError
from tf_gpt2.files import read_json, replacing_folder

from .head import PREVIEW_FILE, write_head

_LOG = logging.getLogger("tf_gpt2.export")

SITE_FILE = "site.json"
SERVICE_WORKER = "service_worker.js"
PAGE_LIST = "page.json"  # the built page's files with their SHA-256, as web/build.js lists them
OFFLINE_FILES = ("inspect.js", "inspect.css")  # what tf_gpt2/inspection puts into files; a site has no use for them
PASSAGE_TOKENS = 160
OFFERED_OPENINGS = 6
SEED = 1


def write_site(
    run_dir: str | os.PathLike,
    output: str | os.PathLike,
    *,
    dtype: str = "int8",
    name: str | None = None,
    openings: str | os.PathLike | None = None,
    samples: int = 24,
    page: str | os.PathLike | None = None,
    url: str | None = None,
    compare: str | os.PathLike | None = None,
    compare_name: str | None = None,
    originality: str = "none",
) -> dict:
    """Writes the site; a former one in `output` is replaced when the new one is complete.

    Args:
        run_dir: A model directory.
        output: Directory to write.
        dtype: "int8", "float16" or "float32".
        name: Heading of the page.
        openings: Path of a file of openings.
        samples: How many sample passages to write at most.
        page: Folder with the built page.
        url: Where the site will be published, for the preview of a pasted link.
        compare: Another model's directory, or a file of its continuations, to stand beside the samples.
        compare_name: What the page calls that model; its directory's or file's name when not given.
        originality: What the page tells copies of the training text by: "index" ships that text, "hashes" tell
            length and book of a copy, "none" nothing.

    Returns:
        The content of `site.json`.

    Raises:
        UserError: The page is not built, the model cannot be read, its training text is not in the cache, or
            `output` cannot be written.
    """
    from tf_gpt2.built_page import built_page
    from tf_gpt2.model_directory import load_config
    from tf_gpt2.tokenizer import Tokenizer

    from .bundle import BUNDLE_FILE, write_bundle
    from .comparison import check_other, compared_name
    from .openings import book_openings, read_openings
    from .originality import FOLDER, training_text, write_originality
    from .page_facts import page_facts

    if compare and not samples:
        raise UserError("`compare` has no effect with `samples`=0: nothing to stand beside; leave one of them out")
    if compare_name and not compare:
        raise UserError("`compare_name` has no effect without `compare`; leave it out")
    if compare:
        check_other(compare)
    page = pathlib.Path(page) if page else built_page()
    check_page(page)
    config, tokenizer = load_config(run_dir), Tokenizer.load(run_dir)
    text = training_text(run_dir, originality)
    books = read_openings(openings) if openings else book_openings(run_dir, tokenizer)
    with replacing_folder(output, marker=SITE_FILE) as folder:
        shutil.copytree(page, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(PAGE_LIST, *OFFLINE_FILES))
        _LOG.info("writing the weights")
        bundle = write_bundle(run_dir, folder / "bundle", dtype)
        site = {
            **page_facts(run_dir, config, tokenizer, name),
            "dtype": dtype,
            # What a visitor's browser fetches for the model, to the byte.
            "bytes": bundle["bytes"],
            # Which model it is: links name it, and a page tells by it that a newer one is kept.
            "model": hashlib.sha256((folder / "bundle" / BUNDLE_FILE).read_bytes()).hexdigest(),
            "openings": _take_turns(books, OFFERED_OPENINGS),
            "samples": _write_samples(run_dir, books, samples),
        }
        if compare:
            site["compared"] = {"name": compared_name(compare, compare_name)}
            _add_other(site["samples"], compare)
        if text is not None:
            _LOG.info("writing what tells copies of the training text")
            (folder / FOLDER).mkdir()
            site["originality"] = write_originality(folder / FOLDER, originality, text, site["model"])
        (folder / SITE_FILE).write_text(
            json.dumps(site, ensure_ascii=False, indent=1, allow_nan=False) + "\n", "utf-8"
        )
        write_head(folder, site, url)
        name_shell(folder)
    return site


def _take_turns(books, count):
    """Openings of all books, one of each in turn."""
    longest = max((len(found) for _, found in books), default=0)
    turns = [found[place] for place in range(longest) for _, found in books if place < len(found)]
    return turns[:count]


def _write_samples(run_dir, books, limit):
    per_book = max(1, limit // max(1, len(books)))
    places = [(title, opening) for title, found in books for opening in found[:per_book]][:limit]
    if not places:
        return []
    _LOG.info(f"writing {len(places)} sample passages")
    from tf_gpt2 import generation
    from tf_gpt2.run_directory import read_generation_config

    settings = generation.GenerationSettings.for_model(
        read_generation_config(run_dir), max_new_tokens=PASSAGE_TOKENS, seed=SEED
    )
    passages = generation.load(run_dir).write([opening for _, opening in places], settings)
    samples = []
    for (title, opening), passage in zip(places, passages, strict=True):
        samples.append({"book": title, "prompt": opening, "text": _whole_sentences(passage.text)})
    return samples


def _add_other(samples, compare):
    """Puts what another model makes of each sample's opening beside it."""
    from .comparison import other_continuations

    _LOG.info(f"setting {len(samples)} passages of {compare} beside them")
    prompts = [sample["prompt"] for sample in samples]
    texts = other_continuations(compare, prompts, max_new_tokens=PASSAGE_TOKENS, seed=SEED)
    for sample, text in zip(samples, texts, strict=True):
        sample["other"] = _whole_sentences(text)


def _whole_sentences(text):
    """The text up to its last sentence's end, if that leaves most of it."""
    end = max(text.rfind(mark) for mark in "。！？”.!?")
    return text[: end + 1] if end >= len(text) // 2 else text


def check_page(page: pathlib.Path) -> None:
    """Checks that a built page is whole.

    Args:
        page: Its folder.

    Raises:
        UserError: A file is missing, or is not the one that was built.
    """
    if not (page / "index.html").is_file():
        raise UserError(
            f"`page` must be the folder of a built page; {page} has no index.html; `make web` builds one"
        )
    if not (page / PAGE_LIST).is_file():  # one that somebody made by other means
        return
    for name, digest in read_json(page / PAGE_LIST, remedy="build the page again with `make web`").items():
        path = page / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise UserError(
                f"`page` must be the folder of a built page; {path} is missing or not the one that was built; "
                "build it again with `make web`"
            )


def name_shell(folder: pathlib.Path) -> None:
    """Tells the service worker of a site which files the page itself consists of, and their SHA-256.

    Args:
        folder: The site, with service_worker.js as it was built.
    """
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in (SERVICE_WORKER, PAGE_LIST, PREVIEW_FILE)
    }
    version = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    shell = json.dumps({"version": version[:16], "files": files})
    script = folder / SERVICE_WORKER
    script.write_text(f"self.SHELL = {shell};\n{script.read_text('utf-8')}", "utf-8")

"""What is tried: whole files of every kind that is read, and the functions of the commands that read them.

None of the functions imports TensorFlow but those of OpenAI's checkpoints, whose reader is TensorFlow's.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable

from . import seeds

CHECKPOINTS = pathlib.Path(__file__).parents[1] / "fixtures" / "checkpoints"


@dataclasses.dataclass(frozen=True)
class Tried:
    """A kind of input.

    Attributes:
        name: Its name.
        make_variants: Gives whole inputs, each a dictionary of contents by path.
        work: The function, given the folder that the files lie in.
        modules: What the parent of the cases imports, so that they need not.
        targets: Endings of the names of files that are damaged; empty for all.
        places: Whether something else than a file may be in a file's place.
        names: Whether the names of the files are damaged too.
    """

    name: str
    make_variants: Callable[[], list[dict[str, bytes]]]
    work: Callable[[pathlib.Path], None]
    modules: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    places: bool = False
    names: bool = False

    @functools.cached_property
    def variants(self):
        return self.make_variants()

    def damaged(self, files):
        """Names of the files that may be damaged."""
        return sorted(name for name in files if name.endswith(self.targets or ""))


def _prepare(folder):
    """What training does with texts before TensorFlow: read, clean, count, tokenise, report."""
    (file,) = (path for path in folder.iterdir() if path.name.startswith("book"))
    _prepare_corpus([file], folder / "cache")


def _prepare_named(folder):
    """The same with a folder and with the files in it, whatever they are called."""
    _prepare_corpus([folder / "books"], folder / "cache")
    _prepare_corpus(sorted((folder / "books").iterdir()), folder / "cache")


def _prepare_corpus(corpus, cache):
    import logging

    from tf_gpt2.corpus.report import format_report
    from tf_gpt2.data.prepare import prepare_corpus

    prepared = prepare_corpus(corpus, cache_dir=cache)
    logging.getLogger("tf_gpt2.fuzz").info("%s", format_report(prepared.report))


def _read_prepared(folder):
    from tf_gpt2.data.token_files import read_prepared

    read_prepared(folder, from_cache=True)


def _read_prompts(folder):
    from tf_gpt2.generation.prompts import read_prompts

    (file,) = (path for path in folder.iterdir() if path.name.startswith("prompts"))
    read_prompts(file)


def _open_model(folder):
    """Everything that opening, publishing and showing a model read; the weights too."""
    from export.browser.page_facts import page_facts
    from export.formats.hugging_face import write_huggingface
    from tf_gpt2.generation.settings import GenerationSettings
    from tf_gpt2.model_directory import load_config, load_generation_config
    from tf_gpt2.tokenizer import Tokenizer

    config, tokenizer = load_config(folder), Tokenizer.load(folder)
    GenerationSettings.for_model(load_generation_config(folder))
    ids = tokenizer.encode(seeds.PROSE)
    tokenizer.decode(ids)
    tokenizer.has_token(["a", "说"])
    write_huggingface(folder, folder / "out")
    page_facts(folder, config, tokenizer, None)


def _resume(folder):
    """What a resumed training reads, and what a card shows of it."""
    from tf_gpt2.run_directory import read_metrics, read_training
    from tf_gpt2.training.resuming import open_run_directory

    stored = read_training(folder)
    open_run_directory(folder, lambda stored: stored or seeds.TRAINING, resume=True)
    read_metrics(folder)
    if stored is not None:
        open_run_directory(folder, lambda stored: seeds.TRAINING, resume=True)


def _open_run(folder):
    _open_model(folder)
    _resume(folder)


def _recover(folder):
    """Resumes a training that was killed before it wrote a model, and makes one of its checkpoint."""
    from tf_gpt2.run_directory import CHECKPOINTS
    from tf_gpt2.training.checkpoints import restore_newest

    _resume(folder)
    restore_newest(folder / CHECKPOINTS, seeds.variables())
    _open_model(folder)


def _converse(folder):
    """A session at the terminal must reach its last line, whatever the lines before it."""
    import os
    import sys

    from tf_gpt2.generation.settings import GenerationSettings
    from tf_gpt2.interactive import converse

    (folder / "lines").write_bytes((folder / "lines.txt").read_bytes() + b"\nthe last line\n")
    os.dup2(os.open(folder / "lines", os.O_RDONLY), 0)
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 - as a process has it, to its end
    model = seeds.Echo()
    converse(model, GenerationSettings())
    if model.prompts[-1:] != ["the last line"]:
        raise AssertionError("the session ended early")


def _texts(name, make, **others):
    makers = {name: make, **others}
    variants = functools.partial(_single_files, "book", makers)
    return Tried(name, variants, _prepare, _CORPUS)


def _prompts(name, make, **others):
    variants = functools.partial(_single_files, "prompts", {name: make, **others})
    return Tried(f"prompts_{name}", variants, _read_prompts, ("tf_gpt2.generation.prompts",))


def _single_files(stem, makers):
    return [{f"{stem}.{extension}": data} for extension, make in makers.items() for data in make()]


def _checkpoint(name, modules=(), targets=()):
    def variants():
        folder = CHECKPOINTS / name
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != "expected.npz"]
        return [{str(path.relative_to(folder)): path.read_bytes() for path in files}]

    return Tried(name, variants, _open_model, (*_MODEL, *modules), targets, places=True)


_CORPUS = ("tf_gpt2.data.prepare", "tf_gpt2.schemas", "chardet", "tf_gpt2.corpus.epub", "opencc")
_MODEL = (
    "tf_gpt2.model_directory",
    "tf_gpt2.tokenizer",
    "tf_gpt2.schemas",
    "export.formats.hugging_face",
    "export.browser.page_facts",
    "safetensors.numpy",
)
_RUN = (*_MODEL, "tf_gpt2.training.resuming")

FORMATS = {
    tried.name: tried
    for tried in (  # those that take longest first
        _checkpoint("openai", ("tensorflow",)),
        Tried("gpt_2_simple", seeds.gpt_2_simple, _open_model, (*_MODEL, "tensorflow"), places=True),
        _texts("txt", seeds.texts, md=seeds.texts),
        _texts("jsonl", seeds.json_lines),
        _texts("json", seeds.json_lists),
        _texts("csv", lambda: seeds.tables(","), tsv=lambda: seeds.tables("\t")),
        _texts("epub", seeds.epubs),
        _prompts("txt", seeds.texts),
        Tried("names", seeds.named_texts, _prepare_named, _CORPUS, names=True),
        _prompts("jsonl", seeds.json_lines, json=seeds.json_lists),
        _prompts("csv", lambda: seeds.tables(","), tsv=lambda: seeds.tables("\t")),
        _checkpoint("hugging_face"),
        _checkpoint("hugging_face_sharded"),
        _checkpoint("gpt2_chinese"),
        _checkpoint("keras_hub", ("h5py",)),
        _checkpoint("pytorch_bin"),
        Tried(
            "tokenizer", seeds.model_directories, _open_model, _MODEL, ("tokenizer.json", "tokenizer_config.json")
        ),
        Tried("run_directory", seeds.model_directories, _open_run, _RUN, places=True),
        Tried("killed_run", seeds.killed_runs, _recover, ("tf_gpt2.training.checkpoints", *_RUN), places=True),
        Tried("prepared_corpus", seeds.prepared_corpora, _read_prepared, _CORPUS),
        Tried("interactive", seeds.dialogues, _converse, ("tf_gpt2.interactive", "readline")),
    )
}

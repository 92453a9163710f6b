"""The import rules of docs/architecture.md: who may import whom, and what must do without TensorFlow."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest
from commands import ROOT

# room: modules or packages in it, and the rooms it may import beside itself. A room knows what stands above it.
ROOMS = {
    "ground": (
        {
            "errors",
            "config",
            "files",
            "file_system",
            "cache",
            "locations",
            "runtime",
            "printing",
            "terminal",
            "built_page",
            "fonts",
        },
        set(),
    ),
    "corpus": ({"corpus"}, {"ground"}),
    "records": ({"run_directory", "schemas"}, {"ground", "corpus"}),
    "bytes": ({"token_bytes"}, {"corpus"}),
    "formats": ({"formats"}, {"ground", "records", "bytes"}),
    "tokenizer": (
        {"tokenizer", "long_texts", "transformers_settings"},
        {"ground", "corpus", "records", "bytes", "formats"},
    ),
    "data": ({"data"}, {"ground", "corpus", "records", "tokenizer"}),
    "model": ({"layers", "initializers", "attention", "dropout", "model"}, {"ground"}),
    "settings": ({"generation.settings", "generation.sentences"}, {"ground"}),
    "directory": ({"model_directory"}, {"ground", "records", "formats", "tokenizer", "model", "settings"}),
    "inspection": ({"inspection"}, {"ground", "tokenizer", "model", "settings", "directory"}),
    "generation": (
        {"generation"},
        {"ground", "corpus", "records", "formats", "tokenizer", "model", "settings", "directory", "inspection"},
    ),
    "evaluation": (
        {"evaluation"},
        {"ground", "corpus", "records", "bytes", "data", "tokenizer", "directory", "generation"},
    ),
    "training": (
        {"training"},
        {
            "ground",
            "corpus",
            "records",
            "formats",
            "tokenizer",
            "data",
            "model",
            "directory",
            "generation",
            "evaluation",
        },
    ),
}
COMMANDS = {
    "tf_gpt2.train",
    "tf_gpt2.prepare",
    "tf_gpt2.text_flags",
    "tf_gpt2.sample",
    "tf_gpt2.evaluate",
    "tf_gpt2.inspect",
    "tf_gpt2.originality",
    "tf_gpt2.runs",
    "tf_gpt2.interactive",
    "tf_gpt2.__main__",
    "tf_gpt2.command",
    "tf_gpt2.flags",
    *(f"tf_gpt2.export.{name}" for name in ("site", "tfjs", "savedmodel", "huggingface", "openai", "keras_hub")),
}
# A page of text, a card, a listing must not wait for TensorFlow; nor must a mistake in the flags.
WITHOUT_TENSORFLOW = (
    "tf_gpt2",
    "tf_gpt2.__main__",
    "tf_gpt2.command",
    "tf_gpt2.train",
    "tf_gpt2.prepare",
    "tf_gpt2.sample",
    "tf_gpt2.evaluate",
    "tf_gpt2.inspect",
    "tf_gpt2.inspection.views",
    "tf_gpt2.originality",
    "tf_gpt2.runs",
    "tf_gpt2.evaluation.curves",
    "tf_gpt2.evaluation.runs",
    "tf_gpt2.training.preflight",
    "tf_gpt2.config",
    "tf_gpt2.errors",
    "tf_gpt2.files",
    "tf_gpt2.run_directory",
    "tf_gpt2.tokenizer",
    "tf_gpt2.corpus.reading",
    "tf_gpt2.corpus.report",
    "tf_gpt2.data.prepare",
    "tf_gpt2.data.elsewhere",
    "tf_gpt2.data.pipeline.launching",
    "tf_gpt2.data.reading_worker",
    "tf_gpt2.formats.detect",
    "tf_gpt2.generation.settings",
    "tf_gpt2.training.options",
    "tf_gpt2.training.plan",
    "export",
    "export.site",
    "export.tfjs",
    "export.savedmodel",
    "export.huggingface",
    "export.openai",
    "export.keras_hub",
    "export.model_card",
    "export.browser.page_facts",
)


def _modules():
    """Every module of the product by name, export as it is installed."""
    for folder, name in (("tf_gpt2", "tf_gpt2"), ("export", "tf_gpt2.export")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            yield ".".join([name, *parts]), path


MODULES = dict(_modules())


def _imports(name, path):
    """Names of the product's modules that a module imports, anywhere in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if inner in MODULES else base


def _room(module):
    """The room of a module of tf_gpt2; the longest name that fits counts."""
    inner = module.removeprefix("tf_gpt2.")
    fits = [
        (len(part), room)
        for room, (parts, _) in ROOMS.items()
        for part in parts
        if inner == part or inner.startswith(f"{part}.")
    ]
    return max(fits)[1] if fits else None


def _is_library(module):
    return module.startswith("tf_gpt2.") and module not in COMMANDS and not module.startswith("tf_gpt2.export")


@pytest.mark.parametrize("module", sorted(filter(_is_library, MODULES)))
def test_a_room_imports_only_what_stands_above_it(module):
    room = _room(module)
    assert room, f"{module} has no room in docs/architecture.md's table"
    allowed = {room, *ROOMS[room][1]}
    for imported in _imports(module, MODULES[module]):
        if imported in MODULES and _is_library(imported):
            assert _room(imported) in allowed, f"{module} ({room}) imports {imported} ({_room(imported)})"


def test_nothing_imports_a_command():
    for module, path in MODULES.items():
        if module in COMMANDS:
            continue
        assert COMMANDS.isdisjoint(_imports(module, path)), module


def test_the_library_never_imports_the_exporters():
    for module, path in MODULES.items():
        if not module.startswith("tf_gpt2.export"):
            wrong = [i for i in _imports(module, path) if i.startswith(("tf_gpt2.export", "export"))]
            assert not wrong, module


def test_exporters_import_each_other_relatively():
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if module.startswith("tf_gpt2.export") and isinstance(node, ast.ImportFrom) and not node.level:
                assert not re.match(r"(export|tf_gpt2\.export)\b", node.module or ""), module


def test_nothing_waits_for_tensorflow_that_does_without():
    code = (
        "import importlib, sys\n"
        f"for name in {WITHOUT_TENSORFLOW!r}:\n"
        "    importlib.import_module(name)\n"
        "    heavy = {'tensorflow', 'keras', 'keras_hub', 'tensorflowjs'} & set(sys.modules)\n"
        "    assert not heavy, (name, heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _script_imports(path):
    return re.findall(r"""(?:from|import)\s+["'](\.[^"']+)["']""", path.read_text("utf-8"))


# The page is the module's first user: what talks to the worker stands in module/, and module/ knows no page.
@pytest.mark.parametrize(
    ("folder", "foreign"),
    [
        *[("kernels", "runtime"), ("kernels", "module"), ("kernels", "page")],
        *[("runtime", "module"), ("runtime", "page"), ("module", "page")],
    ],
)
def test_the_page_knows_the_runtime_and_not_the_reverse(folder, foreign):
    source = ROOT / "web" / "src"
    for path in (source / folder).rglob("*.[jt]s"):
        for imported in _script_imports(path):
            target = pathlib.PurePath(path.parent / imported)
            resolved = (path.parent / imported).resolve()
            assert (source / foreign).resolve() not in resolved.parents, (path, target)


def test_no_two_folders_of_the_page_share_a_name():
    names = [path.name for path in (ROOT / "web" / "src").rglob("*") if path.is_dir()]
    assert "int8" in names
    assert len(names) == len(set(names)), sorted(names)


def _public_functions(tree):
    """Functions and methods that others may call: no leading underscore but a constructor's, no private class."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node)
        elif isinstance(node, ast.FunctionDef) and (node.name == "__init__" or not node.name.startswith("_")):
            yield node


@pytest.mark.parametrize("module", sorted(MODULES))
def test_public_functions_are_annotated(module):
    for function in _public_functions(ast.parse(MODULES[module].read_text("utf-8"))):
        given = function.args
        several = [part for part in (given.vararg, given.kwarg) if part]
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, *several]
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
        assert not bare, (function.name, bare)
        assert function.returns is not None or function.name == "__init__", function.name

"""The README is checked like code: its tree is the tree, its commands exist with the flags it shows."""

import pathlib
import re
import subprocess

import pytest
from commands import ROOT, run

README = (ROOT / "README.md").read_text(encoding="utf-8")


def _tree():
    """Paths of the annotated tree of the README, from its indentation."""
    block = README.split("## The tree")[1].split("\n## ")[0]
    stack, paths = [], []
    for line in block.splitlines():
        match = re.match(r"^    ( *)([\w.\-]+/?)(?:  |$)", line)
        if not match:
            continue
        depth, name = len(match[1]) // 2, match[2]
        stack[depth:] = [name]
        paths.append("".join(stack))
    return paths


def test_every_path_of_the_tree_exists():
    paths = _tree()
    assert len(paths) > 20
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert missing == []


def test_every_module_is_in_the_tree():
    tracked = subprocess.run(
        ["git", "ls-files", "tf_gpt2", "export"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    shown = set(_tree())
    folders = {path for path in shown if path.endswith("/")}
    for path in tracked.splitlines():
        inside_folder_shown_as_a_whole = any(
            f"{parent}/" in folders and not any(other.startswith(f"{parent}/") for other in shown - {f"{parent}/"})
            for parent in pathlib.PurePosixPath(path).parents
        )
        name = pathlib.PurePosixPath(path).name
        assert name in ("__init__.py", "py.typed") or path in shown or inside_folder_shown_as_a_whole, path


COMMANDS = sorted(set(re.findall(r"python -m ((?:tf_gpt2|export|benchmarks)[\w.]*)([^\n`]*)", README)))


MODULES = sorted({module for module, _ in COMMANDS if not module.startswith("benchmarks")})


@pytest.mark.parametrize("module", MODULES)
def test_every_flag_shown_exists(module):
    shown = {flag for name, rest in COMMANDS if name == module for flag in re.findall(r"--(\w+)", rest)}
    _, help_text, _ = run(module, "--helpfull")
    unknown = {flag for flag in shown if not re.search(rf"--(\[no\])?{flag}\b", help_text)}
    assert unknown == set()


def test_every_make_target_shown_exists():
    makefile = (ROOT / "Makefile").read_text() + (ROOT / "web" / "web.mk").read_text()
    for target in set(re.findall(r"(?:`|^    )make ([a-z-]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_what_a_command_needs_is_made_before_it():
    section = README.split("## Your own novels")[1]
    assert section.index("make env") < section.index(".venv/bin/python")
    dependencies = re.search(r"^env: (.*?) +##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert dependencies and dependencies[1].split() == ["$(CORE)", "web"]
    for name in ("inside", "page"):
        text = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
        assert re.search(r"`make env` \(or `make demo`\)", text[: text.index("\n## ")]), name

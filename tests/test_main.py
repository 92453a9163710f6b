"""The door to all commands, and that commands are only commands."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from commands import ROOT, error_line, run

from tf_gpt2 import __main__ as door
from tf_gpt2.errors import UserError

README = (ROOT / "README.md").read_text("utf-8")
MODULES = {name: module.replace("tf_gpt2.export", "export") for name, (module, _) in door.COMMANDS.items()}


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_the_door_lists_all_commands(argv, capsys):
    assert door.main(argv) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"^  {name} +\w", text, re.MULTILINE) for name in door.COMMANDS)


def test_version(capsys):
    assert door.main(["--version"]) == 0
    assert re.fullmatch(r"tf_gpt2 \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_an_unknown_command_is_one_line_and_exit_code_2():
    line = error_line("tf_gpt2.__main__", "dance")
    assert "'dance'" in line and "keras_hub" in line and "did you mean" not in line
    assert error_line("tf_gpt2.__main__", "traim").endswith("received 'traim'; did you mean train?")


def test_the_door_passes_flags_on_and_gives_the_commands_exit_code():
    assert "--run_dir must name" in error_line("tf_gpt2.__main__", "sample", "--prompt=x")


def _help(name):
    code, output, errors = run("tf_gpt2", name, "--help")
    assert (code, errors) == (0, "")
    return output


@pytest.mark.parametrize("name", list(door.COMMANDS))
def test_help_shows_the_usual_flags_first_and_every_flag_of_the_readme(name):
    text = _help(name)
    first = re.search(r"^(\S.*):$", text, re.MULTILINE)
    assert first and first[1] == "The usual flags"
    shown = set(re.findall(r"^  --(?:\[no\])?(\w+)", text, re.MULTILINE))
    assert "run_dir" in shown or name == "prepare"
    uses = re.findall(rf"(?:-m {re.escape(MODULES[name])}|tf-gpt2 {name})\b([^\n`]*)", README)
    assert {flag for use in uses for flag in re.findall(r"--(\w+)", use)} - shown - {"help"} == set()


@pytest.mark.parametrize("name", ["site", "tfjs", "huggingface", "openai", "keras_hub", "savedmodel"])
def test_an_export_without_a_folder_is_one_line(name):
    assert "--output must" in error_line("tf_gpt2.__main__", name)


_IMPORTS = """
import importlib, json, os, sys
before = dict(os.environ)
from absl import flags
flags_before = set(flags.FLAGS)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({
    "flags": sorted(set(flags.FLAGS) - flags_before),
    "heavy": sorted({"tensorflow", "keras", "tensorflowjs", "keras_hub", "torch"} & set(sys.modules)),
    "environment": sorted(name for name in os.environ if os.environ[name] != before.get(name)),
}))
"""


def test_all_commands_are_imported_into_one_process_without_a_trace():
    modules = [*MODULES.values(), "tf_gpt2.__main__", "export", "tf_gpt2"]
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS, *modules], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {"flags": [], "heavy": [], "environment": []}


@pytest.mark.parametrize("name", list(door.COMMANDS))
def test_a_command_is_called_twice_in_one_process(name, capsys):
    for _ in range(2):
        with pytest.raises(SystemExit) as caught:
            door.main([name, "--help"])
        assert caught.value.code == 0
        with pytest.raises(UserError, match="colour"):
            door.main([name, "--colour=red"])
    assert "usage: tf-gpt2 " + name in capsys.readouterr().out


def test_the_exporters_functions_are_offered_where_the_commands_are():
    import export

    assert set(export.__all__) <= set(dir(export))
    for name in export.__all__:
        assert callable(getattr(export, name)) and getattr(export, name).__name__ == name
    with pytest.raises(AttributeError, match="write_poem"):
        _ = export.write_poem


def _checkout(folder, *, setup):
    """A folder with copies of the packages as a checkout has them."""
    for name in ("tf_gpt2", "export"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    if setup:
        shutil.copy(ROOT / "setup.cfg", folder)


def _site_of(folder):
    """What the door says of `site` when the packages of `folder` alone are there."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    code = (
        "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        "from tf_gpt2 import __main__ as door\n"
        "try:\n    door.main(['site', '--help'])\n"
        "finally:\n    module = sys.modules.get('tf_gpt2.export.site')\n"
        "    print(module and module.__file__, 'export' in sys.modules)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder.parent, env=environment, capture_output=True, text=True
    )


def test_a_checkout_that_is_not_installed_finds_its_exporters(tmp_path):
    folder = tmp_path / "checkout"
    _checkout(folder, setup=True)
    done = _site_of(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{folder / 'export' / 'site.py'} False"


def test_an_export_of_somebody_else_is_never_taken(tmp_path):
    folder = tmp_path / "site-packages"
    _checkout(folder, setup=False)
    done = _site_of(folder)
    assert done.returncode == 1 and "No module named 'tf_gpt2.export'" in done.stderr


def test_installed_exporters_come_first(tmp_path):
    folder = tmp_path / "checkout"
    _checkout(folder, setup=True)
    shutil.copytree(folder / "export", folder / "tf_gpt2" / "export")
    done = _site_of(folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{pathlib.Path(folder) / 'tf_gpt2' / 'export' / 'site.py'} False"

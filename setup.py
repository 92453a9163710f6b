"""What setup.cfg cannot say: a wheel carries the built page, as tf_gpt2/export/page."""

import pathlib
import shutil
import subprocess

from setuptools import setup
from setuptools.command.build_py import build_py

_WEB = pathlib.Path(__file__).resolve().parent / "web"
_PAGE = _WEB / "dist"


class BuildWithPage(build_py):
    """Builds the Python packages, then adds the page, which Node makes when it is not there yet."""

    def run(self) -> None:
        """Runs the step of the build."""
        super().run()
        if self.editable_mode:  # a checkout has its page in web/dist
            return
        if not (_PAGE / "index.html").exists():
            _build_page()
        if (_PAGE / "index.html").exists():
            shutil.copytree(_PAGE, pathlib.Path(self.build_lib, "tf_gpt2", "export", "page"), dirs_exist_ok=True)

    def get_output_mapping(self) -> dict[str, str]:
        """Every installed file with the one it is a copy of."""
        page = {
            str(pathlib.Path(self.build_lib, "tf_gpt2", "export", "page", file.relative_to(_PAGE))): str(file)
            for file in _PAGE.rglob("*")
            if file.is_file()
        }
        return {**super().get_output_mapping(), **({} if self.editable_mode else page)}


def _build_page() -> None:
    npm = shutil.which("npm")
    if npm is None:
        print(
            "warning: the page is not in this build, since npm is missing: the commands `site` and its library "
            "function need --page. Install Node 20 or later (or run `make web`), then build again."
        )
        return
    for step in (["ci", "--silent", "--no-fund", "--no-audit"], ["run", "--silent", "build"]):
        subprocess.run([npm, *step], cwd=_WEB, check=True)


setup(cmdclass={"build_py": BuildWithPage})

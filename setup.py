"""The build of the wheel, which carries the example of this repository with its runbooks."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

EXAMPLE = ("platform_assets", "resources", "sensors", "dbt_project", "demo", "contracts")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "target", "logs", ".user.yml", ".*_cache")


class WithExample(build_py):
    """Put the company beside the files that `watermain init --example flights` adds to it.

    Runbooks are pages of the documentation; commands show and run them wherever they are used.
    """

    def run(self) -> None:
        """Build as always, then copy; nothing is copied where the repository itself is used."""
        super().run()
        if self.editable_mode:
            return
        templates = Path(self.build_lib, "watermain", "templates")
        shutil.copytree("docs/runbooks", templates / "runbooks", dirs_exist_ok=True)
        target = templates / "flights"
        for name in filter(lambda n: Path(n).is_dir(), EXAMPLE):
            shutil.copytree(name, target / name, ignore=LEFT_OUT, dirs_exist_ok=True)
        shutil.copy("workspace.yaml", target)


setup(cmdclass={"build_py": WithExample})

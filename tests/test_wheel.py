"""What the wheel holds; that it works where no repository is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.house.pages import blocks
from tests.house.tree import ROOT, repository
from tests.ports import free_port

pytestmark = pytest.mark.slow
# What later stands there, written by whoever adds templates: plain, hidden, under a hidden folder.
TEMPLATES = ("planted/Makefile", "planted/.gitignore", "planted/.github/workflows/ci.yml",
             "planted/rooms/__init__.py", ".hidden/plain.sql")  # fmt: skip


# What the wheel carries as an example.
COMPANY = ("platform_assets/", "resources/", "sensors/", "dbt_project/", "demo/", "contracts/",
           "workspace.yaml")  # fmt: skip


def ran(*command: str | Path, cwd: Path) -> str:
    """Run a command without the variables of this process; give what it prints."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "COLUMNS": "100"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the sdist of the product, some templates within."""
    clone = tmp_path_factory.mktemp("clone")
    for name in repository():
        target = clone / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    for name in TEMPLATES:
        planted = clone / "watermain" / "templates" / name
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.write_text(name)
    words = ("--offline", "--no-build-isolation", "--python", sys.executable)
    ran(sys.executable, "-m", "uv", "build", "-q", *words, "-o", clone / "made", cwd=clone)
    return clone / "made"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    (found,) = built.glob("*.whl")
    return found


def test_wheel_puts_one_name_into_site_packages(wheel: Path) -> None:
    """No room, no demo, no test: only the product with its metadata."""
    names = zipfile.ZipFile(wheel).namelist()
    version = wheel.name.split("-")[1]
    assert {n.partition("/")[0] for n in names} == {"watermain", f"watermain-{version}.dist-info"}


def test_wheel_holds_every_file_of_the_product(wheel: Path) -> None:
    """What git knows under `watermain/` is there, the mark of its types and hidden files, too."""
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {name for name in repository() if name.startswith("watermain/")}
    planted = {f"watermain/templates/{name}" for name in TEMPLATES}
    assert {"watermain/py.typed", "watermain/__init__.py"} <= ours
    assert (ours | planted) - names == set()
    carried = {n for n in names if n.startswith("watermain/")} - ours - planted
    company = {n for n in repository() if n.startswith(COMPANY)}
    pages = {n.removeprefix("docs/") for n in repository() if n.startswith("docs/runbooks/")}
    assert carried == {f"watermain/templates/flights/{n}" for n in company} | {
        f"watermain/templates/{n}" for n in pages
    }


def test_wheel_names_its_extras_and_its_pythons(wheel: Path) -> None:
    """What pip reads before it installs anything."""
    with zipfile.ZipFile(wheel) as file:
        (name,) = (n for n in file.namelist() if n.endswith(".dist-info/METADATA"))
        told = message_from_bytes(file.read(name))
    assert told["Requires-Python"] == ">=3.11"
    assert set(told.get_all("Provides-Extra", [])) == {
        *(
            "adopt",
            "alerts",
            "avro",
            "demo",
            "dlt",
            "grafana",
            "kafka",
            "mqtt",
            "polars",
            "redis",
            "s3",
            "sftp",
            "test",
            "traces",
        ),
    }
    base = [line for line in told.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert "dagster==1.13.27" in base
    assert not [line for line in base if line.startswith(("polars", "confluent", "s3fs", "redis"))]


def test_sdist_holds_what_the_wheel_is_built_from(built: Path) -> None:
    """The tests stay in the repository."""
    (found,) = built.glob("*.tar.gz")
    with tarfile.open(found) as file:
        names = {n.partition("/")[2] for n in file.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
    assert {n for n in repository() if n.startswith("watermain/")} <= names
    assert {f"watermain/templates/{name}" for name in TEMPLATES} <= names
    assert {n for n in repository() if n.startswith((*COMPANY, "docs/runbooks/"))} <= names
    assert not [n for n in names if n.startswith("tests")]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that sees what ours has installed, but not our files."""
    folder = tmp_path_factory.mktemp("installed")
    ran(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    words = ("--offline", "--no-deps", "--python", python)
    ran(sys.executable, "-m", "uv", "pip", "install", "-q", *words, wheel, cwd=folder)
    place = ran(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    ours = Path(place.strip()) / "ours.pth"
    ours.write_text(sysconfig.get_path("purelib") + "\n")  # not what it links to
    return python.parent


def test_installed_wheel_runs_outside_of_the_repository(installed: Path, tmp_path: Path) -> None:
    """The product comes from where it was installed, and no room of ours is there."""
    python = installed / "python"
    assert "materialize" in ran(installed / "watermain", "--help", cwd=tmp_path)
    where = "import watermain; from watermain import dataset, Contract; print(watermain.__file__)"
    home = Path(ran(python, "-c", where, cwd=tmp_path).strip())
    assert home.is_relative_to(installed.parent)
    lost = "from importlib.util import find_spec; print(find_spec('platform_assets'))"
    assert ran(python, "-c", lost, cwd=tmp_path).strip() == "None"


def test_installed_wheel_writes_the_example(installed: Path, tmp_path: Path) -> None:
    """The company of the demo is carried along; each of its rooms loads."""
    ran(installed / "watermain", "init", "airport", "--example", "flights", cwd=tmp_path)
    told = ran(installed / "watermain", "check", cwd=tmp_path / "airport")
    assert all(f"ok     {team}" in told for team in ("operations", "prediction", "weather"))
    shown = ran(
        installed / "watermain", "runbook", "show", "partitions-are-late", cwd=tmp_path / "airport"
    )
    assert "watermain explain DATASET PARTITION" in shown


@pytest.mark.timeout(900)
def test_guide_leads_from_nothing_to_a_mart(installed: Path, tmp_path: Path) -> None:
    """Every command of the guide, in its order, with the change that it shows."""
    page = {"docs/guides/start.md": (ROOT / "docs/guides/start.md").read_text()}
    _, *shown = [block.text for block in blocks(page, "sh")]
    (change,) = [block.text for block in blocks(page, "python")]
    told = [_bash(installed, shown[0], tmp_path)]
    home = tmp_path / "my_company"
    try:
        told.append(_bash(installed, shown[1], home))
        curated = home / "platform_assets" / "sales" / "curated.py"
        curated.write_text(curated.read_text().partition("def orders")[0] + change)
        asked = 'watermain sql "select * from sales.marts.fct_daily_sales"'
        told.append(_bash(installed, shown[2].replace("watermain down", asked), home))
    finally:
        _bash(installed, "watermain down", home)
    assert "2026-01-05       3  222.49" in told[1]
    assert "2026-01-05       2  200.50" in told[2]


def _bash(programs: Path, script: str, cwd: Path) -> str:
    """What lines of a shell print, notes and progress too."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("WATERMAIN_", "PYTHON"))},
        "PATH": f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "WATERMAIN_PORT": str(free_port()),
        "WATERMAIN_SERVE_PORT": str(free_port()),
    }
    done = subprocess.run(
        ["bash", "-euxc", script],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout

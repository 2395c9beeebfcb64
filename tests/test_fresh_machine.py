"""What the scripts tell a machine that lacks something."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

TOOLS = (
    "awk",
    "bash",
    "cat",
    "dirname",
    "flock",
    "grep",
    "head",
    "mkdir",
    "rm",
    "sed",
    "sha256sum",
)
PACKAGES = (
    "chromium mosquitto prometheus prometheus-alertmanager redis-server default-jre-headless maven"
)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The only folder on the PATH: what every Debian has, without Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the scripts read of a fresh clone."""
    folder = tmp_path / "clone"
    (folder / "tests" / "services").mkdir(parents=True)
    for name in (
        "bootstrap.sh",
        "requirements.lock",
        "pyproject.toml",
        "tests/services/install.sh",
    ):
        shutil.copy(ROOT / name, folder / name)
    return folder


def program(folder: Path, name: str, script: str) -> None:
    """Put a shell script on the PATH."""
    (folder / name).write_text(f"#!{folder}/bash\n{script}\n")
    (folder / name).chmod(0o755)


def run(script: Path, programs: Path, **variables: str) -> tuple[int, list[str]]:
    """Run a script; give its exit code with the lines of its error stream."""
    environment = {"PATH": str(programs), **variables}
    ran = subprocess.run(
        [script], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return ran.returncode, ran.stderr.splitlines()


def python(folder: Path, name: str, version: str, does: str = "") -> None:
    """Put an interpreter on the PATH that says its version, then does what it is told."""
    asked = f'case "$*" in *version_info*) echo {version}; exit 0 ;;'
    program(folder, name, f"{asked} --version) echo Python {version}.5; exit 0 ;; esac\n{does}")


def test_bootstrap_names_what_to_install_when_python_is_missing(
    clone: Path, programs: Path
) -> None:
    """Without Python nothing is made."""
    code, lines = run(clone / "bootstrap.sh", programs)
    assert code == 1
    assert lines == [
        "bootstrap: Python 3.11, 3.12, 3.13 or 3.14 was not found (no python3 on the PATH)",
        "  declared  pyproject.toml  requires-python",
        "  data      nothing was made",
        "  next      install one (Debian: apt-get install python3 python3-venv),"
        " or say make PYTHON=/path/to/python3",
    ]
    assert not (clone / ".venv").exists()


def test_bootstrap_names_each_python_that_will_not_do(clone: Path, programs: Path) -> None:
    """Another version is named, so that nobody wonders; one that does not run is no version."""
    python(programs, "python3", "3.15")
    program(programs, "python3.12", "echo 3.12: command not found >&2; exit 127")
    _, lines = run(clone / "bootstrap.sh", programs)
    assert lines[0].endswith(
        f"was not found ({programs}/python3.12 is 3.12: command not found"
        f" {programs}/python3 is Python 3.15.5)"
    )


@pytest.mark.parametrize(
    ("standing", "said", "taken"),
    [
        ({"python3.11": "3.11", "python3.13": "3.13", "python3.12": "3.12"}, None, "python3.13"),
        ({"python3.12": "3.12", "python3": "3.14"}, None, "python3"),
        ({"python3.11": "3.11", "python3": "3.11"}, None, "python3.11"),
        ({"python3.13": "3.13", "python3": "3.15"}, None, "python3.13"),
        ({"python3.11": "3.11", "python3.14": "3.14"}, "python3.11", "python3.11"),
    ],
)
def test_bootstrap_takes_the_newest_python_or_the_one_that_is_said(
    standing: dict[str, str], said: str | None, taken: str, clone: Path, programs: Path
) -> None:
    """A version that nobody has tried is no candidate."""
    for name, version in standing.items():
        python(programs, name, version, "exit 7")
    environment = {"PYTHON": str(programs / said)} if said else {}
    _, lines = run(clone / "bootstrap.sh", programs, **environment)
    assert lines[0] == f"bootstrap: {programs / taken} has no venv module"


def test_bootstrap_takes_no_other_python_than_the_one_that_is_said(
    clone: Path, programs: Path
) -> None:
    """A wish that cannot be met is refused, though another Python would do."""
    python(programs, "python3.12", "3.12")
    python(programs, "old", "3.9")
    code, lines = run(clone / "bootstrap.sh", programs, PYTHON=str(programs / "old"))
    assert code == 1
    assert lines[0].endswith(f"was not found ({programs}/old is Python 3.9.5)")


def test_bootstrap_names_the_package_when_venv_is_missing(clone: Path, programs: Path) -> None:
    """Debian splits the venv module off; the message names its package."""
    python(programs, "python3.13", "3.13", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    code, lines = run(clone / "bootstrap.sh", programs)
    assert code == 1
    assert lines[0] == f"bootstrap: {programs}/python3.13 has no venv module"
    assert "apt-get install python3.13-venv" in lines[3]


def test_bootstrap_makes_a_half_made_environment_anew(clone: Path, programs: Path) -> None:
    """A folder without its stamp is thrown away before anything is installed."""
    half_made = clone / ".venv" / "lib" / "half-written"
    half_made.parent.mkdir(parents=True)
    half_made.touch()
    python(programs, "python3.11", "3.11", 'case "$1" in -m) exit 7 ;; esac')
    code, _ = run(clone / "bootstrap.sh", programs)
    assert code == 7
    assert not half_made.exists()


def test_bootstrap_does_nothing_when_the_environment_is_ready(clone: Path, programs: Path) -> None:
    """The stamp says from which files the environment was built."""
    stamped = subprocess.run(
        ["sha256sum", "requirements.lock", "pyproject.toml"],
        cwd=clone,
        capture_output=True,
        text=True,
        check=True,
    )
    (clone / ".venv").mkdir()
    (clone / ".venv" / ".ready").write_text(f"{clone}\n{stamped.stdout}")
    assert run(clone / "bootstrap.sh", programs) == (0, [])


def test_service_tests_are_named_when_their_packages_are_missing(
    clone: Path, programs: Path
) -> None:
    """Who may not install packages learns which tests did not run."""
    program(programs, "dpkg-query", "exit 1")
    program(programs, "id", "echo 1000")
    python = clone / ".venv" / "bin"
    python.mkdir(parents=True)
    program(python, "python", "echo tests/services/test_ui.py::test_graph; exit 5")
    (python / "bash").symlink_to(programs / "bash")
    code, lines = run(clone / "tests/services/install.sh", programs)
    assert code == 3
    assert lines == [
        f"service tests: Debian package {PACKAGES} is missing",
        "  declared  tests/services/install.sh",
        "  data      these tests did not run, they count as neither passed nor failed:",
        "              tests/services/test_ui.py::test_graph",
        f"  next      sudo apt-get install {PACKAGES}, then make test-services",
    ]


@pytest.mark.parametrize(
    ("package", "failing", "says"),
    [
        ("exit 1", "apt-get", f"Debian package {PACKAGES} cannot be had"),
        ("echo installed", "mvn", "the jars of Apache Kafka cannot be had"),
    ],
)
def test_service_tests_are_named_when_a_download_fails(
    clone: Path, programs: Path, package: str, failing: str, says: str
) -> None:
    """Debian or Maven cannot be reached: nothing counts as passed."""
    program(programs, "dpkg-query", package)
    program(programs, "id", "echo 0")
    program(programs, failing, "exit 100")
    python = clone / ".venv" / "bin"
    python.mkdir(parents=True)
    program(python, "python", "echo tests/services/test_ui.py::test_graph; exit 5")
    (python / "bash").symlink_to(programs / "bash")
    code, lines = run(clone / "tests/services/install.sh", programs)
    assert code == 3
    assert f"service tests: {says}" in lines
    assert "              tests/services/test_ui.py::test_graph" in lines


def test_service_packages_are_left_alone_when_they_are_there(clone: Path, programs: Path) -> None:
    """Nothing is installed twice."""
    program(programs, "dpkg-query", "echo installed")
    (clone / "data" / "services" / "kafka").mkdir(parents=True)
    assert run(clone / "tests/services/install.sh", programs) == (0, [])

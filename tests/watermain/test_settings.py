"""Settings come from the environment, complain by the variable's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from watermain.declare.errors import MissingSettingError
from watermain.settings import child_environment, load_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own."""
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(tmp_path))
    return tmp_path


def test_settings_have_defaults(home: Path) -> None:
    """Nothing needs to be set on a laptop."""
    settings = load_settings()
    assert settings.home == home
    assert settings.lake_folder == f"{home}/lake/"
    assert settings.postgres is None
    assert settings.lease_seconds == 30


def test_settings_take_the_lake_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path ends in one slash, however it is written."""
    monkeypatch.setenv("WATERMAIN_LAKE_PATH", "s3://bucket/lake/")
    assert load_settings().lake_folder == "s3://bucket/lake/"


def test_settings_refuse_an_unknown_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo is told, with the right names."""
    monkeypatch.setenv("WATERMAIN_LEASE_SECOND", "5")
    with pytest.raises(MissingSettingError, match="WATERMAIN_LEASE_SECOND is no setting") as told:
        load_settings()
    assert "WATERMAIN_LEASE_SECONDS" in told.value.next


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "high"), ("THREADS", "0"), ("LEASE_SECONDS", "0.5")]
)
def test_settings_refuse_a_wrong_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named in four lines."""
    monkeypatch.setenv(f"WATERMAIN_{name}", value)
    with pytest.raises(MissingSettingError, match=f"WATERMAIN_{name}: ") as told:
        load_settings()
    assert len(str(told.value).splitlines()) == 4


def test_source_without_an_address_names_its_variable() -> None:
    """The variable to set is in the error."""
    with pytest.raises(MissingSettingError, match="no address for the source connection `shop`"):
        load_settings().source("shop")


def test_source_addresses_are_found_in_the_data_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `watermain up` wrote counts, the process's own variable counts more."""
    (home / "watermain.env").write_text("WATERMAIN_SOURCE_SHOP=dbname=written\n")
    assert load_settings().source("shop") == "dbname=written"
    monkeypatch.setenv("WATERMAIN_SOURCE_SHOP", "dbname=own")
    assert load_settings().source("shop") == "dbname=own"


def test_children_may_use_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the ban on bytecode stays behind."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    found = child_environment(EXTRA="2")
    assert found["EXTRA"] == "2"
    assert "PYTHONDONTWRITEBYTECODE" not in found

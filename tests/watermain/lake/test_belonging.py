"""A data folder knows its lake, refuses another by name, writes no secret down."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from watermain.cli.exits import WRONG_USE, exit_code
from watermain.declare.errors import MissingSettingError, OtherLakeError, WatermainError
from watermain.lake.belonging import belonging, proved, remember
from watermain.lake.catalog import catalog_name, unreachable
from watermain.lake.lake import Lake
from watermain.process.instance import write_instance
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import LAKE_FILE, Settings, load_settings

PLAIN = "plain-secret-4711"
VARIABLES = ("POSTGRES", "LAKE_PATH", "S3_ENDPOINT", "S3_REGION", "S3_KEY_ID", "S3_SECRET")


def bare(monkeypatch: pytest.MonkeyPatch, **kept: str) -> None:
    """A shell that knows the data folder, nothing of the lake but what is kept."""
    for name in VARIABLES:
        monkeypatch.delenv(f"WATERMAIN_{name}", raising=False)
    for name, value in kept.items():
        monkeypatch.setenv(f"WATERMAIN_{name}", value)


def refused(kind: type[WatermainError], says: str) -> WatermainError:
    """The error, in four lines, that opening the lake gives."""
    with pytest.raises(kind) as told:
        Lake.from_settings()
    assert says in told.value.what
    assert len(str(told.value).splitlines()) == 4
    assert PLAIN not in str(told.value)
    assert exit_code(told.value) == WRONG_USE
    return told.value


def with_password(dsn: str, password: str) -> str:
    """The address with a password, which the embedded server asks nobody for."""
    return make_conninfo(dsn) + f" password={password}"


def test_shell_without_variables_reaches_the_same_lake(
    lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs no secret is remembered whole."""
    with lake.get_connection() as connection:
        connection.execute("create table lake.kept as select 7 as n")
    bare(monkeypatch)
    again = Lake.from_settings()
    assert (again.catalog, again.folder) == (lake.catalog, lake.folder)
    with again.get_connection() as connection:
        assert connection.execute("from lake.kept").fetchall() == [(7,)]
    assert (home / LAKE_FILE).stat().st_mode & 0o777 == 0o600


def test_references_are_remembered_resolved_for_each_connection(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole or inside: the reference is written down, its secret nowhere."""
    dsn = load_settings().postgres or ""
    (home / "dsn").write_text(with_password(dsn, PLAIN))
    (home / "word").write_text(PLAIN)
    for address in ("file:./dsn", with_password(dsn, "${file:./word}")):
        (home / LAKE_FILE).unlink(missing_ok=True)
        bare(monkeypatch, POSTGRES=address)
        Lake.from_settings().initialize()
        held = (home / LAKE_FILE).read_text()
        assert PLAIN not in held
        assert json.loads(held)["settings"] == {"WATERMAIN_POSTGRES": address}
        bare(monkeypatch)
        lake = Lake.from_settings()
        assert lake.catalog == address
        assert conninfo_to_dict(lake.dsn())["password"] == PLAIN
        with lake.get_connection() as connection:
            assert lake.snapshot(connection) == 0


def test_plain_secrets_are_withheld_and_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password, a store's secret: the shell that lacks it is refused, naming the variable."""
    dsn = with_password(load_settings().postgres or "", PLAIN)
    bare(monkeypatch, POSTGRES=dsn)
    Lake.from_settings().initialize()
    assert PLAIN not in (home / LAKE_FILE).read_text()
    bare(monkeypatch)
    error = refused(MissingSettingError, "WATERMAIN_POSTGRES is not set; the data folder belongs")
    assert catalog_name(Settings(postgres=dsn)) in error.what
    bare(monkeypatch, POSTGRES=dsn)
    assert Lake.from_settings().catalog == dsn


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("s3_secret", "file:/run/secrets/s3", "file:/run/secrets/s3"),
        ("s3_secret", PLAIN, None),
        ("s3_secret", "env:S3_WORD", "env:S3_WORD"),
        ("s3_key_id", "vault:kv/s3#id", "vault:kv/s3#id"),
        ("s3_key_id", "AKID", "AKID"),
        ("s3_endpoint", f"https://user:{PLAIN}@store:9000", "https://store:9000"),
        ("postgres", f"postgresql://u:{PLAIN}@db/lake", None),
        ("postgres", "postgresql://u:${vault:kv/db#word}@db/lake", "same"),
        ("postgres", f"host=db password={PLAIN}${{env:REST}}", None),
        ("postgres", f"host=db dbname=lake sslpassword={PLAIN}", None),
        ("postgres", "service=lake", "same"),
    ],
)
def test_no_secret_is_written_down(name: str, value: str, kept: str | None) -> None:
    """A setting is kept as it is, without its secret, or not at all."""
    from watermain.lake.belonging import _told

    assert _told(name, value) == (value if kept == "same" else kept)


def test_other_lake_is_refused_by_name(
    lake: Lake, postgres: EmbeddedPostgres, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another database, another folder, another store: both lakes are named."""
    ours = catalog_name(load_settings())
    postgres.ensure_database("somebody_elses")
    monkeypatch.setenv("WATERMAIN_POSTGRES", postgres.dsn("somebody_elses"))
    error = refused(OtherLakeError, f"belongs to the lake at {ours}, its files embedded;")
    assert "dbname=somebody_elses" in error.what
    assert error.next.endswith(f"for good: rm {home / LAKE_FILE}")
    bare(monkeypatch, LAKE_PATH="s3://other/lake", S3_ENDPOINT="http://localhost:9000")
    refused(OtherLakeError, "its files s3://other/lake at 127.0.0.1:9000")
    bare(monkeypatch, LAKE_PATH=str(home / "elsewhere"))
    refused(OtherLakeError, f"its files {home / 'elsewhere'}")


def test_removed_file_gives_the_folder_to_another_lake(
    lake: Lake, postgres: EmbeddedPostgres, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documented step, on purpose; the new lake is remembered then."""
    postgres.ensure_database("moved_to")
    bare(monkeypatch, POSTGRES=postgres.dsn("moved_to"), LAKE_PATH=str(home / "second"))
    refused(OtherLakeError, "the data folder belongs")
    (home / LAKE_FILE).unlink()
    Lake.from_settings().initialize()
    held = belonging(home)
    assert held is not None
    assert (held.catalog, held.files) == (catalog_name(load_settings()), str(home / "second"))


def test_same_catalog_may_be_reached_at_another_address(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that moved, or stands behind another, is known by what it calls itself."""
    held = belonging(load_settings().home)
    assert held is not None
    other = make_conninfo(load_settings().postgres or "", host="", hostaddr="")
    words = conninfo_to_dict(load_settings().postgres or "")
    link = load_settings().home / "sockets"
    link.symlink_to(str(words["host"]))
    monkeypatch.setenv("WATERMAIN_POSTGRES", make_conninfo(other, host=str(link)))
    assert catalog_name(load_settings()) != held.catalog
    assert Lake.from_settings().fence is not None
    remember(load_settings())
    found = belonging(load_settings().home)
    assert found is not None
    assert (found.id, found.catalog) == (held.id, catalog_name(load_settings()))


def test_folder_of_an_earlier_release_is_known_by_its_instance(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster was told of an outside database; a shell without it is refused."""
    write_instance(load_settings())
    proved(load_settings())
    bare(monkeypatch)
    refused(OtherLakeError, "used with an outside PostgreSQL; the settings lead to an embedded")


def test_spoilt_memory_is_told(lake: Lake, home: Path) -> None:
    """A file that somebody edited is named, with what to do."""
    for text in ("{", "[]", '{"settings": 3}', '{"settings": {}}', '{"catalogue": "x"}'):
        (home / LAKE_FILE).write_text(text)
        with pytest.raises(MissingSettingError, match="is not as it was written"):
            Lake.from_settings()


def test_engine_shows_no_password_of_an_address(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the error nor what stands behind it holds the address that was tried."""
    bare(monkeypatch, POSTGRES=f"host=127.0.0.1 port=1 user=u dbname=x password='{PLAIN} \": y'")
    with pytest.raises(WatermainError) as told, Lake.from_settings().get_connection():
        pass
    shown = f"{told.value}{told.value.__cause__}"
    assert PLAIN not in shown
    assert "(host=127.0.0.1 port=1 dbname=x) does not answer: connection to server" in shown


def test_reason_of_the_catalog_is_shown_alone() -> None:
    """What the engine says before it is cut off."""
    said = psycopg.OperationalError(
        f'Unable to connect to Postgres at "password={PLAIN}": no route'
    )
    assert unreachable(said).what.endswith("does not answer: no route")


def test_catalog_whose_files_lie_elsewhere_is_no_catalog_that_is_away(
    lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new data folder, an old catalog: both folders are named."""
    monkeypatch.setenv("WATERMAIN_DATA_DIR", str(home / "new"))
    with pytest.raises(OtherLakeError) as told, Lake.from_settings().get_connection():
        pass
    assert told.value.what == f"the catalog's files lie in {lake.folder}, not in {home}/new/lake/"


@pytest.mark.parametrize("was", ["embedded", "outside"])
@pytest.mark.parametrize("now", ["embedded", "outside"])
def test_folder_of_an_earlier_release_is_known_by_what_dagster_was_told(
    was: str, now: str, tmp_path: Path
) -> None:
    """It remembers no lake; on the kind of database that it had it goes on."""
    addresses = {"embedded": None, "outside": "postgresql://somebody@db.example/lake"}
    write_instance(Settings(data_dir=tmp_path, postgres=addresses[was]))
    assert not (tmp_path / LAKE_FILE).exists()
    settings = Settings(data_dir=tmp_path, postgres=addresses[now])
    if was == now:
        assert proved(settings) is settings
        return
    with pytest.raises(OtherLakeError, match=f"was used with an {was} PostgreSQL") as told:
        proved(settings)
    assert f"lead to an {now} one" in told.value.what
    assert len(str(told.value).splitlines()) == 4

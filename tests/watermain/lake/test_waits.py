"""Each wait for a lake's servers has an end."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.faults.store_relay import HUNG, StoreRelay
from tests.watermain.lake.remote import bucket, relay, remote, s3_server
from tests.watermain.lake.test_lake import NAME, make
from watermain.declare.errors import UnreachableSystemError
from watermain.lake.lake import Lake
from watermain.lake.waits import client_words, engine_words, patient
from watermain.settings import Settings, load_settings

__all__ = ["bucket", "relay", "remote", "s3_server"]
SETTINGS = Settings(connect_seconds=3, request_seconds=7, request_retries=1, lock_seconds=50)


def test_connections_to_the_catalog_wait_within_limits() -> None:
    """Connecting, an answer, a silent peer, a lock: each has a number."""
    assert conninfo_to_dict(patient("host=db dbname=lake", SETTINGS)) == {
        "host": "db",
        "dbname": "lake",
        "connect_timeout": "3",
        "keepalives": "1",
        "keepalives_idle": "7",
        "keepalives_interval": "3",
        "keepalives_count": "2",
        "tcp_user_timeout": "14000",
        "options": "-c lock_timeout=50s",
    }


def test_words_of_the_address_win() -> None:
    """Whoever sets a limit in the address means it; options are kept beside ours."""
    url = "postgresql://u@db/lake?connect_timeout=20&options=-c%20work_mem%3D1MB"
    found = conninfo_to_dict(patient(url, SETTINGS))
    assert found["connect_timeout"] == "20"
    assert found["options"] == "-c lock_timeout=50s -c work_mem=1MB"


def test_requests_to_the_store_wait_within_limits() -> None:
    """The engine and our own client are told the same."""
    told = engine_words(SETTINGS)
    assert (told["http_timeout"], told["http_retries"]) == (7, 1)
    assert client_words(SETTINGS) == {
        "connect_timeout": 3,
        "read_timeout": 7,
        "retries": {"max_attempts": 1, "mode": "standard"},
    }


def test_hung_upload_is_given_up_after_twice_as_many_tries(
    remote: Lake, relay: StoreRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine uploads as it writes and once more as it closes: the guide has the sum."""
    monkeypatch.setenv("WATERMAIN_REQUEST_SECONDS", "1")
    remote.forget()
    relay.lose(HUNG, "PUT")
    before = relay.seen["PUT"]
    with (
        pytest.raises(UnreachableSystemError, match="timeout was reached"),
        remote.fence.lease(NAME) as lease,
        remote.get_connection() as connection,
        remote.transaction(connection, lease, "publish"),
    ):
        make(connection)
    assert relay.seen["PUT"] - before == 2 * (load_settings().request_retries + 1) == 4

"""Files on an SFTP server: what a stranger, a network or a partner may do to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.watermain.source.dropped import SftpKind, written
from tests.watermain.source.kinds import Ledger, thing
from tests.watermain.source.sftp_server import SftpServer
from watermain.declare import Sftp, SftpConnection
from watermain.declare.errors import (
    ExpiredCredentialError,
    InvalidDeclarationError,
    SourceError,
    UnreachableSystemError,
)
from watermain.settings import Settings
from watermain.source.opening import found_at

WORD = Sftp(connection="drop", pattern="things*", format="csv")
GOOD = {"user": "partner", "known_hosts": "file:/known", "password": "env:PASSWORD"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"address": "ftp://host/in"}, "its address is none of SFTP"),
        ({"address": "sftp://partner:word@host/in"}, "its address holds more than a place"),
        ({"known_hosts": ""}, "no host would be known"),
        ({"known_hosts": "host ssh-ed25519 AAAA"}, "known_hosts is no reference to a secret"),
        ({"password": "open sesame"}, "password is no reference to a secret"),
        ({"password": ""}, "it is one of a password and a key"),
        ({"key": "file:/key"}, "it is one of a password and a key"),
        ({"user": ""}, "it names no user"),
        ({"connect_within": timedelta(0)}, "connect_within 0:00:00 is out of bounds"),
        ({"compression": "zlib"}, "option `compression` is unknown"),
    ],
)
def test_connection_is_refused_where_it_is_made(options: dict[str, Any], says: str) -> None:
    """Nothing of it is shown that might be a secret."""
    with pytest.raises(InvalidDeclarationError, match=says) as raised:
        SftpConnection("drop", **{**GOOD, **options})
    assert "open sesame" not in str(raised.value)


def test_key_opens_the_door_as_a_password_does(sftp_kind: SftpKind, ledger: Ledger) -> None:
    """The private key is read where its reference points."""
    private = sftp_kind.server.user_key.export_private_key().decode()
    (sftp_kind.home / "key").write_text(private)
    word = sftp_kind.word(password="", key=f"file:{sftp_kind.home}/key")
    sftp_kind.add([thing(1)])
    ledger.capture(sftp_kind.opened(WORD, word))
    assert ledger.rows("id") == [("1",)]
    assert sftp_kind.server.shown == []


def test_unknown_host_is_refused_before_it_hears_of_us(sftp_kind: SftpKind) -> None:
    """Four lines say how its key is looked at; the password was not shown."""
    source = sftp_kind.open()
    known = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (sftp_kind.home / "known").write_text(f"[127.0.0.1]:{sftp_kind.server.port} {known}")
    with pytest.raises(SourceError) as raised:
        source.verify()
    port = sftp_kind.server.port
    assert str(raised.value).splitlines() == [
        f"operations.raw.things: the key of host 127.0.0.1:{port} is not among its known ones",
        "  declared  rooms/things.py:7  Sftp('drop', 'things*')",
        "  data      nothing was read; what the lake has committed stands",
        f"  next      ssh-keyscan -p {port} 127.0.0.1; compare the key's print with who runs the"
        " host, then write the line to `known_hosts`",
    ]
    assert sftp_kind.server.shown == []


@pytest.mark.parametrize("spoilt", ["known", "key"])
def test_spoilt_files_of_ours_are_refused(sftp_kind: SftpKind, spoilt: str) -> None:
    """A key with rubbish in it, or a line of `known_hosts` that is none."""
    (sftp_kind.home / "key").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nrubbish")
    word = sftp_kind.word(password="", key=f"file:{sftp_kind.home}/key")
    if spoilt == "known":
        (sftp_kind.home / "known").write_text("[127.0.0.1")
    with pytest.raises(SourceError, match="the private key, or a line of `known_hosts`, cannot be"):
        sftp_kind.opened(WORD, word).verify()


def test_refused_password_is_shown_once_until_it_is_rotated(
    sftp_kind: SftpKind, ledger: Ledger
) -> None:
    """The gate of every credential; the new one passes at once."""
    sftp_kind.add([thing(1)])
    source = sftp_kind.open()
    sftp_kind.server.password = "another"
    for _ in range(3):
        with pytest.raises(ExpiredCredentialError, match="credential of `drop` is refused"):
            source.verify()
    assert len(sftp_kind.server.shown) == 1
    ledger.capture(sftp_kind.open())
    assert ledger.rows("id") == [("1",)]


def test_names_with_spaces_and_of_any_script_are_read(sftp_kind: SftpKind, ledger: Ledger) -> None:
    """Bytes that are no UTF-8 among them, which people read with a replacement."""
    folder = sftp_kind.folder / "two words"
    folder.mkdir()
    names = ("things 1 ü.csv", "things 東京.csv", "things 'quoted' \"twice\".csv")
    for number, name in enumerate(names):
        (folder / name).write_bytes(written([thing(number)], "csv"))
    odd = os.fsencode(folder) + b"/things-\xff.csv"
    Path(os.fsdecode(odd)).write_bytes(written([thing(9)], "csv"))
    ledger.capture(sftp_kind.open(pattern="*/things*"))
    assert sorted(ledger.rows("_file")) == sorted(
        [(f"two words/{name}",) for name in names] + [("two words/things-\ufffd.csv",)]
    )


def test_more_names_than_one_answer_holds_are_listed(sftp_kind: SftpKind) -> None:
    """Eleven thousand names, of which a pattern names some."""
    for number in range(11_000):
        (sftp_kind.folder / f"other-{number:05}.txt").touch()
    for number in range(3):
        sftp_kind.add([thing(number)])
    assert sftp_kind.open().backlog().files == 3


def test_listing_without_end_is_refused(sftp_kind: SftpKind) -> None:
    """The bound of every listing."""
    for number in range(12):
        sftp_kind.write(f"things-{number}.csv", "id,day,note\n")
    source = sftp_kind.open()
    source.caps = type(source.caps)(entries=10)
    with pytest.raises(SourceError, match="there are more than 10 entries to list"):
        source.verify()


def test_links_are_not_followed(sftp_kind: SftpKind, ledger: Ledger) -> None:
    """Where they lead is not the partner's folder."""
    (sftp_kind.home / "secret.csv").write_bytes(written([thing(7)], "csv"))
    (sftp_kind.folder / "things-link.csv").symlink_to(sftp_kind.home / "secret.csv")
    sftp_kind.add([thing(1)])
    ledger.capture(sftp_kind.open())
    assert ledger.rows("id") == [("1",)]


def test_unfinished_files_are_left(sftp_kind: SftpKind, ledger: Ledger) -> None:
    """By their name, or because they were touched just now."""
    for name in (".things-1.csv", "things-2.csv.part", "things-3.csv.tmp"):
        sftp_kind.write(name, written([thing(1)], "csv"))
    fresh = sftp_kind.write("things-4.csv", written([thing(4)], "csv"))
    now = sftp_kind.clock.now().timestamp()
    os.utime(fresh, (now, now))
    assert ledger.capture(sftp_kind.open()) == []
    os.utime(fresh, (now - 60, now - 60))
    ledger.capture(sftp_kind.open())
    assert ledger.rows("id") == [("4",)]


@pytest.mark.parametrize("how", ["replaced", "grown", "removed"])
def test_file_that_changes_while_it_is_read_is_left_for_the_next_capture(
    sftp_kind: SftpKind, ledger: Ledger, how: str
) -> None:
    """Nothing of the mixture is ever given; what lies there then is captured once."""
    path = sftp_kind.write("things-1.csv", written([thing(1)], "csv"))
    server = sftp_kind.server

    def change() -> None:
        server.at_read = None
        if how == "replaced":
            (sftp_kind.folder / "new").write_bytes(written([thing(22)], "csv"))
            (sftp_kind.folder / "new").rename(path)
        elif how == "grown":
            with path.open("ab") as file:
                file.write(b"3,2013-01-01,x,\n")
        else:
            path.unlink()

    server.at_read = change
    assert ledger.capture(sftp_kind.open()) == []
    ledger.capture(sftp_kind.open())
    wanted = {"replaced": [("22",)], "grown": [("1",), ("3",)], "removed": []}
    assert ledger.rows("id") == wanted[how]


def test_same_content_under_another_name_is_captured_once(
    sftp_kind: SftpKind, ledger: Ledger
) -> None:
    """Its identity is the hash of what it holds."""
    sftp_kind.write("things-1.csv", written([thing(1)], "csv"))
    ledger.capture(sftp_kind.open())
    sftp_kind.write("things-again.csv", written([thing(1)], "csv"))
    assert ledger.capture(sftp_kind.open()) == []


def _gone(server: SftpServer) -> None:
    server.hangs_up = True


def _silent(server: SftpServer) -> None:
    server.read_seconds = 3600.0


@pytest.mark.parametrize(
    ("spoil", "says"), [(_gone, "does not answer"), (_silent, "it was silent for too long")]
)
def test_server_that_goes_while_it_is_read_is_met_again_later(
    sftp_kind: SftpKind, ledger: Ledger, spoil: Callable[[SftpServer], None], says: str
) -> None:
    """Every wait has its limit; nothing half is given, nothing is lost."""
    sftp_kind.add([thing(1)])
    word = sftp_kind.word(silent_within=timedelta(seconds=1))
    spoil(sftp_kind.server)
    with pytest.raises(UnreachableSystemError, match=says):
        ledger.capture(sftp_kind.opened(WORD, word))
    sftp_kind.server.hangs_up, sftp_kind.server.read_seconds = False, 0.0
    ledger.capture(sftp_kind.opened(WORD, word))
    assert ledger.rows("id") == [("1",)]


def test_server_that_is_away_is_an_error_that_passes(sftp_kind: SftpKind) -> None:
    """Nobody listens at the port."""
    source = sftp_kind.open()
    sftp_kind.server.stop()
    with pytest.raises(UnreachableSystemError, match="does not answer"):
        source.backlog()
    sftp_kind.server.start()
    source.verify()


def test_folder_that_is_not_there_is_an_error_that_passes(sftp_kind: SftpKind) -> None:
    """The partner may be about to make it."""
    word = sftp_kind.word(address=f"sftp://127.0.0.1:{sftp_kind.server.port}/out")
    with pytest.raises(UnreachableSystemError, match="there is no folder /out on 127"):
        sftp_kind.opened(WORD, word).verify()


def test_doctor_is_told_what_is_there(sftp_kind: SftpKind) -> None:
    """One line for a connection that works; the gate's error for a wrong password."""
    sftp_kind.add([thing(1)])
    word, settings = sftp_kind.word(), Settings(data_dir=sftp_kind.home)
    assert found_at(word, settings, {"drop": word}) == "a folder of 127.0.0.1, 1 files"
    sftp_kind.server.password = "another"
    with pytest.raises(ExpiredCredentialError, match="does not let partner in"):
        found_at(word, settings, {"drop": word})

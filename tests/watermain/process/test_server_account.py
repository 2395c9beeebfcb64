"""Tests of the system account that embedded servers run under."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from watermain.process.server_account import ServerAccount, server_account

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder inside a folder that only its owner may enter."""
    made = Path(tempfile.mkdtemp(prefix="watermain-test-"))
    (made / "inside").mkdir()
    yield made / "inside"
    shutil.rmtree(made)


def mode(path: Path) -> int:
    """Return the permissions of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_server_never_sees_itself_as_root(tmp_path: Path) -> None:
    account = server_account(tmp_path / "cluster")
    account.run(["sh", "-c", "test $(id -u) != 0 && test $(id -un) != root"])


def test_account_may_write_where_the_caller_may(closed: Path) -> None:
    account = server_account(closed / "cluster")
    account.own(closed)
    account.let_pass(closed)
    account.run(["touch", str(closed / "written")])
    assert (closed / "written").stat().st_uid == account.uid


def test_cluster_keeps_its_owner(tmp_path: Path) -> None:
    cluster = tmp_path / "cluster"
    cluster.mkdir()
    root = os.geteuid() == 0
    owner = ServerAccount(NOBODY.pw_uid, NOBODY.pw_gid) if root else server_account(cluster)
    owner.own(cluster)
    assert server_account(cluster) == owner


def test_other_user_may_pass_but_not_list(closed: Path) -> None:
    stranger = ServerAccount(NOBODY.pw_uid, NOBODY.pw_gid)
    stranger.let_pass(closed)
    assert mode(closed.parent) == (0o701 if os.geteuid() == 0 else 0o700)
    stranger.let_pass(closed)
    assert mode(closed.parent) == (0o701 if os.geteuid() == 0 else 0o700)


def test_owner_needs_no_wider_permissions(closed: Path) -> None:
    ServerAccount(os.geteuid(), os.getegid()).let_pass(closed)
    assert mode(closed.parent) == 0o700


def test_command_hears_nothing_of_the_callers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/elsewhere")
    account = server_account(tmp_path / "cluster")
    account.run(["sh", "-c", 'test -z "$PGDATA$HOME" && test "$LC_ALL" = C && test "$PWD" = /'])


def test_command_gets_a_session_of_its_own(tmp_path: Path) -> None:
    session = os.getsid(0)
    account = server_account(tmp_path / "cluster")
    account.run(["sh", "-c", f"set -- $(cat /proc/self/stat); test $6 != {session}"])


def test_failure_carries_what_the_command_said(tmp_path: Path) -> None:
    account = server_account(tmp_path / "cluster")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        account.run(["sh", "-c", "echo 'no room' >&2; exit 3"])
    assert (caught.value.returncode, caught.value.stderr) == (3, "no room\n")


def test_only_the_descriptors_to_keep_are_open(tmp_path: Path) -> None:
    account = server_account(tmp_path / "cluster")
    with (tmp_path / "kept").open("w") as kept, (tmp_path / "closed").open("w") as closed:
        numbers = kept.fileno(), closed.fileno()
        account.run(
            ["sh", "-c", "test -e /proc/self/fd/{} && test ! -e /proc/self/fd/{}".format(*numbers)],
            keep=[kept.fileno()],
        )

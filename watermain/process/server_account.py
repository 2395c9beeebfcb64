"""The system account under which an embedded server runs.

PostgreSQL refuses to run as root. So, when the caller is root, the server gets a user namespace in
which root's own number reads `nobody`: its files stay root's, no folder needs other permissions,
and it has none of root's capabilities. Where namespaces are forbidden, as in many containers, it
runs as `nobody` outright; then the folders above its own get the right to be passed through
(usually o+x).
"""

from __future__ import annotations

import functools
import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

QUIET_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True)
class ServerAccount:
    """A user to run a server as, and the words to put before its command."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def own(self, path: Path) -> None:
        """Give a path to this account."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def let_pass(self, path: Path) -> None:
        """Let this account walk through the folders above `path`, without listing them."""
        if os.geteuid() != 0:
            return
        for parent in path.parents:
            found, needed = parent.stat(), stat.S_IXOTH
            if found.st_uid == self.uid:
                needed = stat.S_IXUSR
            elif found.st_gid == self.gid:
                needed = stat.S_IXGRP
            if not found.st_mode & needed:
                parent.chmod(stat.S_IMODE(found.st_mode) | needed)

    def run(self, command: Sequence[str], *, keep: Sequence[int] = ()) -> None:
        """Run a command to its end in a session of its own, for which some descriptors stay open.

        Raises: CalledProcessError or PermissionError.
        """
        other = self.uid != os.geteuid()
        subprocess.run(
            [*self.prefix, *command],
            check=True,
            capture_output=True,
            text=True,
            cwd="/",
            env=QUIET_ENVIRONMENT,
            start_new_session=True,
            pass_fds=keep,
            user=self.uid if other else None,
            group=self.gid if other else None,
            extra_groups=[] if other else None,
        )


def server_account(cluster: Path) -> ServerAccount:
    """Choose the account for a cluster: its owner's, so that it can always be started again."""
    if os.geteuid() != 0:
        return ServerAccount(os.geteuid(), os.getegid())
    if cluster.exists() and (found := cluster.stat()).st_uid != 0:
        return ServerAccount(found.st_uid, found.st_gid)
    nobody = pwd.getpwnam("nobody")
    if prefix := _disguise(nobody.pw_uid, nobody.pw_gid):
        return ServerAccount(0, 0, prefix)
    return ServerAccount(nobody.pw_uid, nobody.pw_gid)


@functools.cache
def _disguise(uid: int, gid: int) -> tuple[str, ...]:
    """Return the words that make root read as another user, or none where that is forbidden."""
    prefix = ("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}")
    try:
        tried = subprocess.run(
            [*prefix, "true"], check=False, capture_output=True, cwd="/", env=QUIET_ENVIRONMENT
        )
    except FileNotFoundError:
        return ()
    return prefix if tried.returncode == 0 else ()

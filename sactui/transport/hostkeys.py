"""The files of known host keys: what they say of a host, and how one more is added.

Host keys are always checked. A file named ``none`` or ``/dev/null`` is an empty one here,
never a permission to trust whoever answers.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

import asyncssh

from ..errors import HostKeyError
from .config import Login

_PLAIN_ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


class KnownKeys:
    """What the files say of one host."""

    def __init__(self, login: Login) -> None:
        known = _load((*login.known_hosts, *login.global_known_hosts))
        keys, authorities, revoked, *_ = known.match(login.key_name, "", None)
        #: whether any key is on file under this very name (with its port)
        self.any = bool(keys)
        self.authorities = bool(authorities)
        if login.key_name.startswith("["):
            # As OpenSSH: a key filed without the port is trusted here too, but another one
            # there is no change of this one. What is revoked there is revoked.
            bare = known.match(login.hostname.lower(), "", None)
            keys, authorities = keys or bare[0], authorities or bare[1]
            self.authorities = bool(authorities)
            revoked = [*revoked, *bare[2]]
        self._matched: tuple[object, ...] = (keys, authorities, revoked, [], [], [], [])
        #: What may be negotiated without an authority. The known kinds come first; the
        #: others follow, so that a host without them shows another key instead of a
        #: failed negotiation. No certificates: nobody could be asked about those.
        self.algorithms = [name.decode("ascii") for key in keys for name in key.sig_algorithms]
        self.algorithms += [name for name in _PLAIN_ALGORITHMS if name not in self.algorithms]

    def matching(self, host: str, address: str, port: int | None) -> object:
        """For asyncssh. By name only, as OpenSSH does: addresses of clusters are shared."""
        return self._matched


def _load(files: Iterable[Path]) -> asyncssh.SSHKnownHosts:
    known = asyncssh.SSHKnownHosts()
    for path in files:
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            continue
        for line in text.splitlines():
            try:
                known.load(line)
            except ValueError:
                # A line nobody can read trusts nobody; the others still count.
                continue
    return known


def add(login: Login, key: asyncssh.SSHKey) -> Path:
    """Append an accepted key to the user's first file of known hosts; returns the file.

    Directory and file are made for the user alone. Raises HostKeyError when it cannot be
    written: a key that is not kept would be asked for again and again.
    """
    path = login.known_hosts[0]
    line = f"{login.key_name} ".encode() + b" ".join(key.export_public_key("openssh").split()[:2]) + b"\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "rb+") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    line = b"\n" + line
            file.write(line)
    except OSError as error:
        raise HostKeyError(
            f"{login.name}: the accepted host key cannot be kept in {path}: {error.strerror}",
            f"Make {path} writable, or add the key by hand.",
            fingerprint=key.get_fingerprint(),
        ) from error
    return path


def unknown(login: Login, key: asyncssh.SSHKey, why: str) -> HostKeyError:
    """The refusal of a host whose key nobody has accepted; ``why`` nobody was asked."""
    fingerprint = key.get_fingerprint()
    if login.keeps_no_keys:
        remedy = (
            f"The SSH configuration of {login.name} sets UserKnownHostsFile to none or /dev/null, which"
            " sactui refuses to take for trust: name a file there, then connect once with ssh and compare"
            " the fingerprint."
        )
    else:
        scan = f"ssh-keyscan -p {login.port} {shlex.quote(login.hostname)}"
        remedy = (
            f"Compare the fingerprint with the one your site publishes ({scan} | ssh-keygen -lf - shows it"
            f" again), then accept it once: ssh {shlex.quote(login.name)} true"
        )
    return HostKeyError(
        f"{login.name}: the host key of {login.key_name} is not known ({_kind(key)} {fingerprint}): {why}",
        remedy,
        fingerprint=fingerprint,
    )


def changed(login: Login, key: asyncssh.SSHKey | None, what: str) -> HostKeyError:
    """The refusal of a host that shows another key than the known one. Never offered for acceptance."""
    fingerprint = key.get_fingerprint() if key is not None else ""
    shown = f" (it shows {_kind(key)} {fingerprint})" if key is not None else ""
    file = login.known_hosts[0] if login.known_hosts else Path("~/.ssh/known_hosts")
    return HostKeyError(
        f"{login.name}: {what} of {login.key_name}{shown}. Somebody may be listening in.",
        "Ask your site whether the key was replaced. Only if they confirm this fingerprint:"
        f" ssh-keygen -R {shlex.quote(login.key_name)} -f {shlex.quote(str(file))}",
        fingerprint=fingerprint,
        known=True,
    )


def _kind(key: asyncssh.SSHKey) -> str:
    return key.get_algorithm()

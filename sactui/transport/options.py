"""A resolved login in asyncssh's words: what it would otherwise read from the file by itself."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_certificate_algs, get_public_key_algs

from .config import Login

_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
_SWITCHES = {
    "pubkeyauthentication": "public_key_auth",
    "passwordauthentication": "password_auth",
    "kbdinteractiveauthentication": "kbdint_auth",
    "gssapiauthentication": "gss_auth",
    "gssapidelegatecredentials": "gss_delegate_creds",
}


def _host_key_algorithms() -> list[bytes]:
    return [*get_certificate_algs(), *get_public_key_algs()]


_ALGORITHMS: dict[str, tuple[str, Callable[[], Iterable[bytes]]]] = {
    "ciphers": ("encryption_algs", get_encryption_algs),
    "kexalgorithms": ("kex_algs", get_kex_algs),
    "macs": ("mac_algs", get_mac_algs),
    "hostkeyalgorithms": ("server_host_key_algs", _host_key_algorithms),
}


def connection_options(login: Login) -> dict[str, object]:
    """Keyword arguments of ``asyncssh.connect`` for where and how to connect.

    Algorithms that asyncssh does not have are left out; where none is left the choice is
    asyncssh's own, which a host that insists on others refuses with its own words.
    """
    if login.read_by != "ssh -G":
        return {"host": login.name, "config": [str(path) for path in login.config_files]}
    found: dict[str, object] = {"host": login.hostname, "config": None}
    if login.proxy_command:
        # As OpenSSH does it: by a shell, which the program then replaces.
        found["proxy_command"] = ["/bin/sh", "-c", f"exec {login.proxy_command}"]
    if login.agent is not None:
        found["agent_path"] = login.agent or None
    for keyword, value in login.rest.items():
        if keyword in _SWITCHES:
            found[_SWITCHES[keyword]] = value in ("yes", "true")
        elif keyword in _ALGORITHMS:
            name, possible = _ALGORITHMS[keyword]
            known = {each.decode("ascii") for each in possible()}
            if chosen := [word for word in value.split(",") if word in known]:
                found[name] = chosen
        elif keyword == "addressfamily" and value in _FAMILIES:
            found["family"] = _FAMILIES[value]
        elif keyword == "bindaddress" and value:
            found["local_addr"] = (value, 0)
        elif keyword == "compression" and value == "yes":
            found["compression_algs"] = ["zlib@openssh.com", "none"]
        elif keyword == "preferredauthentications" and value:
            found["preferred_auth"] = value.split(",")
    return found

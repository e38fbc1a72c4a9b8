"""Which transport a host gets, and what must hold for all of them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from sactui.errors import ConnectFailed
from sactui.transport import config as config_module
from sactui.transport.choice import choose
from sactui.transport.config import Jump, jumps


def kind(host: str, config: Path, binary: str = "ssh") -> str:
    return asyncio.run(choose(host, ssh_config=config, binary=binary)).kind


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(f"Host spartan\n  HostName 127.0.0.1\n  ControlPath {tmp_path}/cm\n")
    return path


def fake_ssh(tmp_path: Path, body: str) -> str:
    path = tmp_path / "ssh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_local_is_no_ssh(config: Path) -> None:
    assert kind("local", config) == "local"
    assert kind("localhost", config) == "local"
    assert kind("localhost", config, binary="no-such-ssh") == "local"


def test_a_localhost_that_means_something_else_is_ssh(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host localhost\n  Port 2222\n")
    assert kind("localhost", config) == "ssh"


def test_without_a_master_sactui_connects_itself(config: Path) -> None:
    assert kind("spartan", config) == "ssh"


def test_it_works_without_an_ssh_program(config: Path) -> None:
    assert kind("spartan", config, binary="no-such-ssh") == "ssh"


def test_a_configuration_that_hangs_is_given_up(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_module, "PATIENCE", 0.2)
    assert kind("spartan", config, fake_ssh(tmp_path, "exec sleep 600")) == "ssh"


def test_a_live_master_is_ridden(config: Path, tmp_path: Path) -> None:
    body = (
        'case "$*" in *-G*) echo "controlpath /some/where" ;;'
        ' *ControlPath=/some/where*"-O check"*) exit 0 ;; *) exit 9 ;; esac'
    )
    assert kind("spartan", config, fake_ssh(tmp_path, body)) == "openssh"


def test_asyncssh_is_imported_by_the_first_dial_only() -> None:
    code = (
        "import sys, sactui.transport.choice, sactui.transport.ssh, sactui.transport.fake;"
        "from sactui.transport.ssh import SshTransport; SshTransport('x');"
        "sys.exit('asyncssh' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("none", ()),
        ("gate", (Jump("gate"),)),
        ("bob@gate:2222,inner", (Jump("gate", "bob", 2222), Jump("inner"))),
        ("ssh://bob@gate:22", (Jump("gate", "bob", 22),)),
        ("[::1]:22", (Jump("::1", None, 22),)),
    ],
)
def test_jumps(text: str, expected: tuple[Jump, ...]) -> None:
    assert jumps(text) == expected


def test_a_jump_that_is_none_is_refused() -> None:
    with pytest.raises(ConnectFailed, match="ProxyJump"):
        jumps("gate:many")

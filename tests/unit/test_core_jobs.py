"""A long queue travels packed, and arrives as squeue printed it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sactui.core.jobs import packed, unpacked
from sactui.errors import ProtocolError
from sactui.transport.script import Answer


@pytest.mark.parametrize(("command", "status"), [("seq 20000", 0), ("seq 9; exit 3", 3), ("false", 1)])
def test_output_and_exit_status_are_the_commands_own(command: str, status: int) -> None:
    script = packed(f"sh -c '{command}'")
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False)
    plain = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == status
    answer = unpacked(Answer(done.stdout, status))
    assert answer.stdout == plain.stdout
    if len(plain.stdout) > 1000:
        assert len(done.stdout) < len(plain.stdout) / 2


def test_without_gzip_it_travels_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "printf-it").write_text("#!/bin/sh\necho plain\nexit 4\n")
    (tmp_path / "printf-it").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", packed("printf-it")],
        capture_output=True,
        check=False,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert (unpacked(Answer(done.stdout, done.returncode)).stdout, done.returncode) == (b"plain\n", 4)


def test_what_was_cut_on_its_way_is_as_long_as_it_is() -> None:
    done = subprocess.run(["/bin/sh", "-c", packed("seq 20000")], capture_output=True, check=False)
    cut = unpacked(Answer(done.stdout[: len(done.stdout) // 2], 0)).stdout
    assert cut.startswith(b"1\n2\n")
    assert not cut.endswith(b"20000\n")
    with pytest.raises(ProtocolError):
        unpacked(Answer(b"\x1f\x8b" + b"nonsense" * 9, 0))

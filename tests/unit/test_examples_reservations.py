"""The examples of setup and hold body are valid shell within the script that they become part of."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sactui.runtimes import hold

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "reservations"


@pytest.mark.parametrize("path", sorted(_EXAMPLES.glob("*.sh")), ids=lambda path: path.name)
@pytest.mark.parametrize("shell", ["/bin/sh", "bash"])
def test_an_example_is_valid_in_the_script(path: Path, shell: str) -> None:
    field = "hold_body" if path.name.startswith("hold-body") else "setup"
    options = hold.HoldOptions(persistent=True, time="7-0", **{field: path.read_text()})  # type: ignore[arg-type]
    script = hold.batch_script("pool", "ab12", options, "spartan")
    done = subprocess.run([shell, "-n"], input=script.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr

"""What every command pays for: the short ones start without the heavy libraries."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import sactui

ROOT = Path(sactui.__file__).resolve().parent.parent

#: Each costs more than the rest of the start together.
HEAVY = frozenset(
    {"textual", "asyncssh", "pydantic", "pydantic_core", "rich", "cryptography", "pyghostty", "watchfiles"}
)


def imported(command: list[str], *, path: str = "") -> tuple[set[str], str]:
    """The modules that ``command`` (arguments for the interpreter) imported, and its standard output.

    Read from ``-X importtime``, which also names imports that were removed from sys.modules later.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_"))}
    # A module first, then the tree under test: the command must not depend on the directory it runs in.
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (path, str(ROOT))))
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}, done.stdout


def heavy(modules: set[str]) -> list[str]:
    """Those of :data:`HEAVY` among ``modules``, submodules included."""
    return sorted({module.partition(".")[0] for module in modules} & HEAVY)


def console_script() -> str:
    """The installed ``sactui``, which is what people run."""
    script = Path(sysconfig.get_path("scripts")) / "sactui"
    assert script.is_file(), f"{script} is missing: make setup installs it"
    return str(script)


@pytest.mark.parametrize("argument", ["--version", "--help"])
@pytest.mark.parametrize("start", ["module", "script"])
def test_short_commands_import_nothing_heavy(start: str, argument: str) -> None:
    command = ["-m", "sactui"] if start == "module" else [console_script()]
    modules, output = imported([*command, argument])
    assert "sactui.cli.main" in modules  # the list is real
    assert heavy(modules) == []
    expected = f"sactui {sactui.__version__}\n" if argument == "--version" else "usage: sactui"
    assert output.startswith(expected)


def test_a_heavy_import_is_found(tmp_path: Path) -> None:
    (tmp_path / "textual").mkdir()
    (tmp_path / "textual" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "textual" / "app.py").write_text("", encoding="utf-8")
    # Also when it hides its traces.
    program = "import sys, textual.app\ndel sys.modules['textual'], sys.modules['textual.app']\n"
    modules, _ = imported(["-c", program], path=str(tmp_path))
    assert heavy(modules) == ["textual"]

"""The wheel: everything the program reads is in it, and it runs without the source tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sactui

ROOT = Path(__file__).resolve().parents[2]

_BUILD = "import sys, hatchling.build as build; print(build.build_wheel(sys.argv[1]))"
_LOOK = """
import json, sactui
from sactui.cli.demo import examples
from sactui.spec.rules import load_rules
from sactui.ui.theming import theme_names
print(json.dumps({
    "package": sactui.__file__, "agents": str(examples()),
    "rules": sorted(load_rules()), "themes": sorted(theme_names()),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built by the pinned backend without network."""
    target = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-c", _BUILD, str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert built.returncode == 0, built.stderr[-2000:]
    return target / built.stdout.split()[-1]


def shipped(directory: Path) -> set[str]:
    """The files below ``directory`` that belong into the wheel, relative to it."""
    files = (path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(directory).as_posix() for path in files}


def test_the_wheel_holds_program_and_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        meta = {name.partition(".dist-info/")[2] for name in archive.namelist() if ".dist-info/" in name}
    expected = {f"sactui/{name}" for name in shipped(ROOT / "sactui")}
    expected |= {f"sactui/_data/themes/{name}" for name in shipped(ROOT / "themes")}
    expected |= {f"sactui/_data/agents/{name}" for name in shipped(ROOT / "examples" / "agents")}
    assert names == expected
    assert {"METADATA", "entry_points.txt", "licenses/LICENSE"} <= meta
    assert "sactui/py.typed" in names


def test_the_unpacked_wheel_runs_and_finds_its_data(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    nobody = str(tmp_path / "home")
    environment |= {"PYTHONPATH": str(tmp_path), "XDG_CONFIG_HOME": nobody, "HOME": nobody}

    def run(*command: str) -> str:
        return subprocess.run(
            [sys.executable, *command],
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            stdin=subprocess.DEVNULL,
        ).stdout

    assert run("-m", "sactui", "--version") == f"sactui {sactui.__version__}\n"
    found = json.loads(run("-c", _LOOK))
    assert found["package"] == str(tmp_path / "sactui" / "__init__.py")
    assert found["agents"] == str(tmp_path / "sactui" / "_data" / "agents")
    assert found["rules"] == sorted(path.stem for path in (ROOT / "sactui" / "rules").glob("*.yaml"))
    assert found["themes"] == sorted(path.stem for path in (ROOT / "themes").glob("*.yaml"))


def test_the_lock_pins_versions_and_nothing_else() -> None:
    """An index, a path or a range in it would bind every clone to one machine or to one day."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    condition = r"[a-z_]+ == '\w+'"
    pin = re.compile(rf"[A-Za-z0-9][\w.-]*==[0-9][0-9A-Za-z.]*(; {condition}( and {condition})*)?")
    assert [line for line in pins if not pin.fullmatch(line)] == []

"""The house keeps its floors: who may import whom, read from the source and not from a running program.

Every import counts, also inside functions and under TYPE_CHECKING: a type is knowledge as well.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_GROUND = frozenset({"domain", "errors", "clock"})
_FIRST = frozenset({"slurm", "tmux", "spec", "leases", "terminal", "transport"})
_CORE = _GROUND | _FIRST | {"runtimes", "settings"}

#: room -> the rooms it may import. ``__main__`` and ``settings`` are rooms of one module.
FLOORS: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "clock": frozenset(),
    "domain": frozenset({"errors", "clock"}),
    **dict.fromkeys(_FIRST, _GROUND),
    # A lease is named as its Slurm job is.
    "leases": _GROUND | {"slurm"},
    "settings": _GROUND | {"spec"},
    "runtimes": _GROUND | _FIRST,
    "core": _CORE,
    "ui": _CORE | {"core"},
    "cli": _CORE | {"core", "ui", "lab"},
    "lab": frozenset({"errors", "clock"}),
    "__main__": frozenset({"cli"}),
}

#: library -> the rooms that may import it.
LIBRARIES: dict[str, frozenset[str]] = {
    "asyncssh": frozenset({"transport", "lab"}),
    "textual": frozenset({"ui"}),
    "pydantic": frozenset({"spec", "leases", "settings"}),
    "pydantic_core": frozenset({"spec", "leases", "settings"}),
}

#: (room, imported room) that would make every command slow when imported with the module.
LAZY = frozenset({("cli", "ui"), ("cli", "lab")})

MOST_LINES = 500

#: Paths of one machine; written in pieces, because this file is read as well.
_MACHINE = re.compile(r"(?<![\w.~}-])/wo" r"rk/|\.\./sha" r"red\b")


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement: where it stands and what it names."""

    path: Path
    line: int
    room: str
    target: str
    #: In a function's body, so it costs nothing until the function is called.
    deferred: bool
    #: Under TYPE_CHECKING, so it never runs.
    typing: bool


class _Reader(ast.NodeVisitor):
    def __init__(self, package: Path, path: Path) -> None:
        self.found: list[Import] = []
        self._package = package
        self._path = path
        parts = path.relative_to(package.parent).with_suffix("").parts
        self._parts = parts[:-1]  # the package that relative imports start from
        self._room = parts[1] if len(parts) > 1 and parts[1] != "__init__" else ""
        self._functions = 0
        self._typing = 0

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, node.args):
            self.visit(part)  # evaluated with the module
        self._functions += 1
        for statement in node.body:
            self.visit(statement)
        self._functions -= 1

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - ast's name

    def visit_If(self, node: ast.If) -> None:
        guarded = ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
        self._typing += guarded
        for statement in node.body:
            self.visit(statement)
        self._typing -= guarded
        for statement in node.orelse:
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level > len(self._parts):
            self._add(node, "." * node.level + (node.module or ""))
            return
        start = self._parts[: len(self._parts) - node.level + 1] if node.level else ()
        base = ".".join((*start, *([node.module] if node.module else [])))
        if base != self._package.name:
            self._add(node, base)
            return
        # ``from .. import clock`` names a room, ``from .. import __version__`` a value of the root.
        for alias in node.names:
            is_room = (self._package / alias.name).is_dir() or (self._package / f"{alias.name}.py").is_file()
            self._add(node, f"{base}.{alias.name}" if is_room else base)

    def visit_Call(self, node: ast.Call) -> None:
        called = ast.unparse(node.func)
        if called in {"import_module", "importlib.import_module", "__import__"} and node.args:
            name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            absolute = isinstance(name, str) and not name.startswith(".")
            self._add(node, str(name) if absolute else "a computed name")
        self.generic_visit(node)

    def _add(self, node: ast.stmt | ast.expr, target: str) -> None:
        self.found.append(
            Import(self._path, node.lineno, self._room, target, self._functions > 0, self._typing > 0)
        )


def imports(package: Path) -> list[Import]:
    """Every import of the package at ``package``, in the order of files and lines."""
    found: list[Import] = []
    for path in sorted(package.rglob("*.py")):
        reader = _Reader(package, path)
        reader.visit(ast.parse(path.read_text(encoding="utf-8"), str(path)))
        found += reader.found
    return found


def broken_arrows(package: Path) -> list[str]:
    """One message for each import that the floors forbid."""
    messages = []
    for found in imports(package):
        fault = _fault(found, package.name)
        if fault:
            messages.append(f"{found.path.relative_to(package.parent)}:{found.line}: {fault}")
    return messages


def _fault(found: Import, package: str) -> str:
    head, *rest = found.target.split(".")
    here = found.room or package
    if head != package:
        if not head or " " in head:
            return f"{here} imports {found.target!r}, which cannot be judged; import it by its name"
        owners = LIBRARIES.get(head)
        if owners is None or found.room in owners:
            return ""
        return f"{here} imports {head}, which belongs to {', '.join(sorted(owners))}"
    room = rest[0] if rest else ""
    if found.room and found.room not in FLOORS:
        return f"{here} has no floor; give it one in FLOORS"
    if room in ("", found.room):
        return ""
    if room not in FLOORS.get(found.room, frozenset()):
        return f"{here} imports {room}, which is not below it"
    if (found.room, room) in LAZY and not found.deferred and not found.typing:
        return f"{here} imports {room} with the module; import it in the function that needs it"
    return ""


def long_modules(package: Path) -> list[str]:
    """One message for each module beyond :data:`MOST_LINES`."""
    messages = []
    for path in sorted(package.rglob("*.py")):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            messages.append(
                f"{path.relative_to(package.parent)}: {lines} lines. Beyond {MOST_LINES} a module has two"
                " subjects and nobody reads it whole; give the second one a module of its own"
            )
    return messages


def ours(root: Path) -> Iterator[Path]:
    """The files of the clone at ``root``, without those that .gitignore leaves out. Needs no git."""
    lines = (root / ".gitignore").read_text(encoding="utf-8").split()
    # In a worktree .git is a file, which points at its repository.
    patterns = [".git", *(line.strip("/") for line in lines)]

    def kept(names: list[str]) -> list[str]:
        return sorted(name for name in names if not any(fnmatch(name, pattern) for pattern in patterns))

    for directory, names, files in os.walk(root):
        names[:] = kept(names)
        yield from (Path(directory, name) for name in kept(files))


def machine_paths(root: Path) -> list[str]:
    """One message for each line that names a path of one machine."""
    messages = []
    for path in ours(root):
        text = path.read_bytes()
        if b"\0" in text:
            continue
        for number, line in enumerate(text.decode("utf-8", "replace").splitlines(), 1):
            if _MACHINE.search(line):
                where = f"{path.relative_to(root)}:{number}"
                messages.append(f"{where}: names a path of one machine: {line.strip()[:100]}")
    return messages


def test_rooms_import_only_rooms_below_them() -> None:
    assert broken_arrows(ROOT / "sactui") == []


def test_every_floor_has_its_room() -> None:
    """A renamed room would otherwise leave a law about nothing."""
    package = ROOT / "sactui"
    modules = {path.stem for path in package.glob("*.py")}
    packages = {path.parent.name for path in package.glob("*/__init__.py")}
    assert sorted(FLOORS.keys() - modules - packages) == []


def test_modules_have_one_subject() -> None:
    assert long_modules(ROOT / "sactui") == []


def test_no_file_names_a_path_of_one_machine() -> None:
    assert machine_paths(ROOT) == []


# ------------------------------------------------------------------ the tests above can fail


def _tree(root: Path, files: dict[str, str]) -> Path:
    package = root / "sactui"
    for room in FLOORS:
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").write_text("", encoding="utf-8")
    (package / "__init__.py").write_text('__version__ = "0"\n', encoding="utf-8")
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
    return package


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("slurm/queue.py", "from ..transport import base\n", ":1: slurm imports transport, which is not"),
        ("slurm/queue.py", "from .. import transport\n", ":1: slurm imports transport, which is not below"),
        ("slurm/queue.py", "import sactui.core.store\n", ":1: slurm imports core, which is not below"),
        ("slurm/queue.py", "def ask():\n    from sactui.leases import lease\n", ":2: slurm imports leases"),
        ("slurm/deep/queue.py", "from ...ui.app import App\n", ":1: slurm imports ui, which is not below"),
        ("slurm/__init__.py", "from ..core import store\n", ":1: slurm imports core, which is not below"),
        ("domain/job.py", "if TYPE_CHECKING:\n    from ..slurm import x\n", ":2: domain imports slurm"),
        ("domain/job.py", "x = importlib.import_module('sactui.ui')\n", ":1: domain imports ui"),
        ("core/store.py", "def get(n):\n    return import_module(n)\n", ":2: core imports 'a computed name'"),
        ("core/store.py", "from ..lab import Lab\n", ":1: core imports lab, which is not below"),
        ("ui/app.py", "from ..cli import main\n", ":1: ui imports cli, which is not below"),
        ("lab/cluster.py", "from ..domain import job\n", ":1: lab imports domain, which is not below"),
        ("cli/demo.py", "from ..lab import Lab\n", ":1: cli imports lab with the module"),
        ("cli/main.py", "import sactui.ui.app\n", ":1: cli imports ui with the module"),
        ("cli/main.py", "def f(x=__import__('sactui.ui')): ...\n", ":1: cli imports ui with the module"),
        ("core/store.py", "from textual.app import App\n", ":1: core imports textual, which belongs to ui"),
        ("core/store.py", "try:\n    import asyncssh as s\nfinally:\n    1\n", ":2: core imports asyncssh"),
        ("transport/ssh.py", "async def f():\n    import pydantic\n", ":2: transport imports pydantic"),
        ("cellar/wine.py", "from .. import clock\n", ":1: cellar has no floor"),
        ("__init__.py", "from .clock import now\n", ":1: sactui imports clock, which is not below"),
        ("core/store.py", "from .... import x\n", ":1: core imports '....', which cannot be judged"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, name: str, text: str, message: str) -> None:
    (found,) = broken_arrows(_tree(tmp_path, {name: text}))
    assert found.startswith(f"sactui/{name}{message}")


def test_allowed_imports_pass(tmp_path: Path) -> None:
    files = {
        "slurm/queue.py": "import re\nfrom . import values\nfrom .. import __version__, clock\n",
        "slurm/job.py": "from ..domain.job import Job\n",
        "slurm/deep/queue.py": "from ..values import x\nfrom ...errors import SlurmError\n",
        "leases/lease.py": "import pydantic\nfrom ..slurm import names\n",
        "transport/ssh.py": "import asyncssh\nfrom sactui.errors import TransportError\n",
        "ui/app.py": "from textual.app import App\nfrom ..core import store\nfrom ..transport import base\n",
        "cli/main.py": "def run():\n    from ..ui.app import App\n    from ..lab import command\n",
        "cli/demo.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..lab import Lab\n",
        "__main__/__init__.py": "from ..cli.main import main\n",
    }
    assert broken_arrows(_tree(tmp_path, files)) == []


def test_an_import_beside_type_checking_still_counts(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    from ..lab import Lab\n"
    assert len(broken_arrows(_tree(tmp_path, {"cli/demo.py": text}))) == 1


def test_a_long_module_is_found(tmp_path: Path) -> None:
    line = "x = 1\n"
    files = {"core/store.py": line * MOST_LINES, "core/poller.py": line * (MOST_LINES + 1)}
    package = _tree(tmp_path, files)
    (found,) = long_modules(package)
    assert found.startswith(f"sactui/core/poller.py: {MOST_LINES + 1} lines")


def test_a_path_of_one_machine_is_found(tmp_path: Path) -> None:
    bad = ["see /{}/main/x".format("work"), "open('/{}/x')".format("work"), "cd ../{}/tools".format("shared")]
    for number, text in enumerate(bad):
        (tmp_path / f"bad{number}.md").write_text("fine\n" + text, encoding="utf-8")
    good = "~/work/x $HOME/work/x /home/me/work/x ./work/x work/x shared/x"
    (tmp_path / "good.md").write_text(good, encoding="utf-8")
    (tmp_path / ".gitignore").write_text(".venv/\n*.log\n", encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    for ignored in (".git", "left.log", ".venv/pip"):
        (tmp_path / ignored).write_text(bad[0], encoding="utf-8")
    found = machine_paths(tmp_path)
    assert [message.split(": ")[0] for message in found] == ["bad0.md:2", "bad1.md:2", "bad2.md:2"]

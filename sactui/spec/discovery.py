"""Finding definitions: which directories, which files in them, and by which name or path.

``<directory>/<name>/<name>.yaml`` is the only form. A broken file is a problem of its own
and takes nothing else with it; what was good before can be kept with
:meth:`Catalogue.keep_last_good`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ..domain.fleet import Problem
from ..errors import DefinitionError
from .definition import AgentDefinition
from .loading import absolute, agent_from_bytes, load_agent, name_trouble
from .mistakes import nearest
from .yaml_source import BrokenFileError, read_bytes, shown

#: Environment variable with further directories, separated by colons.
DIRECTORIES_VARIABLE = "SCITEX_AGENT_CONTAINER_YAML_DIRS"

SUFFIXES = (".yaml", ".yml")

#: Directories that never hold an agent.
_SKIPPED = frozenset({"legacy-agents", "shared", "GITIGNORED"})


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the directories hold at one moment.

    ``broken`` are the files that could not be used, ``unreadable`` the directories that
    could not be listed, ``stale`` the names whose definition here is an earlier version.
    """

    definitions: tuple[AgentDefinition, ...] = ()
    problems: tuple[Problem, ...] = ()
    broken: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()

    def get(self, name: str) -> AgentDefinition | None:
        """The definition of that name."""
        return next((one for one in self.definitions if one.name == name), None)

    def keep_last_good(self, previous: Catalogue) -> Catalogue:
        """This catalogue, with the earlier version of whatever cannot be read just now.

        A definition whose file is gone is gone: only files that are broken, or stand in a
        directory that could not be listed, keep what they said last. The problems stay.
        """
        here = {one.name for one in self.definitions}
        kept = [
            one
            for one in previous.definitions
            if one.name not in here and (one.path in self.broken or self._hidden(one.path))
        ]
        if not kept:
            return self
        return dataclasses.replace(
            self,
            definitions=tuple(sorted((*self.definitions, *kept), key=lambda one: one.name)),
            stale=self.stale | {one.name for one in kept},
        )

    def _hidden(self, path: str) -> bool:
        return any(str(parent) in self.unreadable for parent in Path(path).parents)


def directories(
    explicit: Iterable[Path | str] = (), environment: Mapping[str, str] | None = None
) -> tuple[Path, ...]:
    """Where to look, most important first: ``explicit`` (``--agents``), the default, the variable's.

    ``~`` is expanded; a directory that is named twice counts once.
    """
    variables = os.environ if environment is None else environment
    named = [one for one in variables.get(DIRECTORIES_VARIABLE, "").split(":") if one.strip()]
    every = [*explicit, default_directory(), *named]
    return tuple(dict.fromkeys(absolute(one) for one in every))


def default_directory() -> Path:
    """Where definitions are by default; it need not exist."""
    return absolute("~/.scitex/agent-container/agents")


def discover(places: Sequence[Path | str], previous: Catalogue | None = None) -> Catalogue:
    """Read every definition in ``places``; the first of a name wins.

    A place is a directory of agents, the directory of one agent, or a definition file.
    Never raises for what the directories hold. Files that have not changed since
    ``previous`` are not parsed again.
    """
    known = {one.path: one for one in previous.definitions} if previous else {}
    found: dict[str, tuple[str, AgentDefinition | None]] = {}
    problems: list[Problem] = []
    broken: set[str] = set()
    unreadable: set[str] = set()
    for directory in dict.fromkeys(absolute(one) for one in places):
        try:
            listing = sorted(os.scandir(directory), key=lambda entry: entry.name)
        except FileNotFoundError:
            # The default directory is allowed not to be there; one that somebody named is not.
            if directory != default_directory():
                remedy = "create it, or correct --agents or the variable that names it"
                problems.append(_problem(str(directory), "there is no such directory", remedy))
            continue
        except NotADirectoryError:
            paths = [directory]
        except OSError as error:
            unreadable.add(str(directory))
            problems.append(_unlisted(directory, error))
            continue
        else:
            paths = list(_files(directory, listing, problems, unreadable))
        for path in paths:
            name = path.parent.name
            if name in found:
                first = found[name][0]
                if first == str(path):
                    continue
                message = f"the agent {shown(name)} is defined before in {first}; this one is not used"
                problems.append(_problem(f"{path}:1:1", message, "rename or remove one of the directories"))
                continue
            definition = _load(path, known, problems)
            found[name] = (str(path), definition)
            if definition is None:
                broken.add(str(path))
    definitions = [definition for _, definition in found.values() if definition is not None]
    return Catalogue(
        definitions=tuple(sorted(definitions, key=lambda one: one.name)),
        problems=tuple(problems),
        broken=frozenset(broken),
        unreadable=frozenset(unreadable),
    )


def resolve(
    name_or_path: str, places: Sequence[Path | str], working_directory: Path | None = None
) -> AgentDefinition:
    """The definition a person means: a name, a YAML file, or a directory that holds one.

    Relative paths are looked for from ``working_directory`` (default: the current one) and
    then in ``places``, directories of agents. Raises DefinitionError, for a broken file
    BrokenFileError.
    """
    wanted = name_or_path.strip()
    if not wanted:
        raise DefinitionError("no agent is named", "give a name or the path of a definition")
    here = working_directory or Path.cwd()
    roots = [absolute(one) for one in places]
    is_file = wanted.endswith(SUFFIXES)
    if "/" not in wanted and not is_file:
        for place in roots:
            if path := _file_in(place / wanted):
                return load_agent(path)
    for place in (here, *roots):
        candidate = absolute(place / Path(wanted).expanduser())
        if candidate.is_dir() and (path := _file_in(candidate)):
            return load_agent(path)
        if is_file and candidate.exists():
            return load_agent(_in_its_directory(candidate))
    if is_file and "/" not in wanted:
        # `start dev-helper.yaml` stands in every manual, for dev-helper/dev-helper.yaml.
        for place in roots:
            if path := _file_in(place / Path(wanted).stem):
                return load_agent(path)
    raise _not_found(wanted, roots, is_file or "/" in wanted)


def _files(
    directory: Path, listing: list[os.DirEntry[str]], problems: list[Problem], unreadable: set[str]
) -> Iterator[Path]:
    """The definition files that a directory's entries lead to."""
    own = _file_in(directory)
    if own is not None:
        yield own
    for entry in listing:
        path = Path(entry.path)
        if entry.name.startswith((".", "_")) or entry.name in _SKIPPED:
            continue
        if not path.is_dir():
            if path.suffix in SUFFIXES and own is None:
                remedy = f"move it to {path.stem}/{path.name}: an agent is named after its directory"
                message = "a definition that stands directly in the directory is not read"
                problems.append(_problem(f"{path}:1:1", message, remedy))
            continue
        try:
            inside = {one.name for one in os.scandir(path)}
        except OSError as error:
            unreadable.add(str(path))
            problems.append(_unlisted(path, error))
            continue
        expected = [entry.name + suffix for suffix in SUFFIXES if entry.name + suffix in inside]
        if expected:
            yield path / expected[0]
        if len(expected) > 1:
            message = f"{expected[0]} stands beside it and is used; this one is not"
            problems.append(_problem(f"{path / expected[1]}:1:1", message, "remove one of them"))
        strays = sorted(one for one in inside if one.endswith(SUFFIXES) and not one.startswith("."))
        if strays and not expected and own is None:
            message = f"holds {shown(strays[0])}, but no {shown(entry.name)}.yaml"
            remedy = "name the file like its directory: <name>/<name>.yaml"
            problems.append(_problem(str(path), message, remedy))


def _load(
    path: Path, known: Mapping[str, AgentDefinition], problems: list[Problem]
) -> AgentDefinition | None:
    try:
        raw = read_bytes(path)
        earlier = known.get(str(path))
        if earlier is not None and earlier.digest == sha256(raw).hexdigest():
            return earlier
        return agent_from_bytes(raw, path)
    except BrokenFileError as error:
        problems += [_problem(one.where, one.message, one.remedy) for one in error.mistakes]
        return None


def _file_in(directory: Path) -> Path | None:
    for suffix in SUFFIXES:
        path = directory / f"{directory.name}{suffix}"
        if path.is_file():
            return path
    return None


def _in_its_directory(path: Path) -> Path:
    """``path``, if it may be started by itself: its directory has its name."""
    if path.parent.name == path.stem:
        return path
    message = f"{path}:1:1: the agent would be called {shown(path.parent.name)}, after its directory"
    raise DefinitionError(message, f"move it to {path.parent / path.stem / path.name}")


def _not_found(wanted: str, places: list[Path], is_path: bool) -> DefinitionError:
    if is_path:
        return DefinitionError(
            f"there is no definition {shown(wanted)}", "check the path, or give the agent's name"
        )
    names: set[str] = set()
    for place in places:
        if place.is_dir() and os.access(place, os.R_OK | os.X_OK):
            names |= {one for one in os.listdir(place) if not name_trouble(one)}
    searched = ", ".join(str(one) for one in places)
    guess = nearest(wanted, names)
    remedy = f"did you mean {guess}?" if guess else f"searched in: {searched or 'no directory'}"
    return DefinitionError(f"there is no agent {shown(wanted)}", remedy)


def _unlisted(path: Path, error: OSError) -> Problem:
    return _problem(str(path), f"cannot be listed: {error.strerror or error}", "check its permissions")


def _problem(where: str, what: str, remedy: str) -> Problem:
    return Problem("definition", shown(where, 4096), what, remedy)

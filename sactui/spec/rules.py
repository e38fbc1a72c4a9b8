"""Screen rules: YAML a person can correct, into the compiled rules of ``domain.screen``.

Every mistake is told with file, line and column. Patterns come from files that anybody
may edit and run on every screen of every refresh, so their length and their form are
bounded: a repetition inside a repetition can take time without end and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..domain.screen import REGIONS, Capture, Composer, Gate, Region, Rule, RuleSet
from ..domain.state import AgentState
from .mistakes import nearest
from .yaml_source import BrokenFileError, Document, KeyPath, dotted, parse, read_bytes, shown

#: The rules that come with sactui.
PACKAGED = Path(__file__).resolve().parent.parent / "rules"
PATTERN_LIMIT = 400
_GATES_DEEP = 6

_FILE_KEYS = ("version", "program", "title", "commands", "composer", "rules")
_RULE_KEYS = ("id", "state", "priority", "region", "when", "capture", "why", "hold", "quiet")
_GATE_KINDS = ("line", "text", "contains", "composer", "all", "any", "not")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]*")
#: A group that holds an unbounded repetition and is itself repeated.
_NESTED = re.compile(r"(?<!\\)[+*][^()]*\)[+*{]|(?<!\\),\}[^()]*\)[+*{]")


def load_rules(directories: Iterable[Path] = ()) -> dict[str, RuleSet]:
    """The packaged rules, with those of ``directories`` on top, by program.

    A later rule with the same id replaces an earlier one, others are added; a directory
    that does not exist holds no rules. Raises BrokenFileError (a DefinitionError).
    """
    rules: dict[str, RuleSet] = {}
    for directory in (PACKAGED, *directories):
        for path in sorted(directory.glob("*.yaml")):
            ruleset = read_rules(path)
            known = rules.get(ruleset.program)
            rules[ruleset.program] = ruleset if known is None else _merged(known, ruleset)
    return rules


def read_rules(path: Path) -> RuleSet:
    """One file of rules. Raises BrokenFileError with every mistake in it."""
    return rules_from_bytes(read_bytes(path), str(path))


def rules_from_bytes(raw: bytes, file: str) -> RuleSet:
    """The rules in ``raw``; ``file`` is only named in messages."""
    document = parse(raw, file)
    ruleset = _Reader(document).ruleset()
    if document.mistakes:
        raise BrokenFileError(document.mistakes)
    return ruleset


def _merged(known: RuleSet, later: RuleSet) -> RuleSet:
    replaced = {rule.id for rule in later.rules}
    rules = [rule for rule in known.rules if rule.id not in replaced]
    return replace(
        later,
        title=later.title or known.title,
        composer=later.composer or known.composer,
        commands=tuple(dict.fromkeys((*later.commands, *known.commands))),
        rules=_sorted([*rules, *later.rules]),
    )


def _sorted(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(sorted(rules, key=lambda rule: -rule.priority))


class _Reader:
    """Reads one document; mistakes go into it, and a place-holder takes the value's place."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def ruleset(self) -> RuleSet:
        data = self.document.data
        if not isinstance(data, dict):
            self.document.add((), "the file must be a mapping", "start it with program: and rules:")
            return RuleSet("")
        self.keys(data, (), _FILE_KEYS)
        program = self.text(data, (), "program", required=True)
        if program and not _WORD.fullmatch(program):
            self.document.add(("program",), f"program: {shown(program)!r} is not a name", "use small letters")
        version = self.number(data, (), "version", 1)
        if version != 1:
            self.document.add(
                ("version",), f"version {version:g} is not known here", "this sactui reads version 1"
            )
        commands = data.get("commands") or []
        if not isinstance(commands, list) or not all(isinstance(one, str) for one in commands):
            self.document.add(("commands",), "commands must be a list of words", "e.g. commands: [claude]")
            commands = []
        rules: list[Rule] = []
        written = data.get("rules") or []
        if not isinstance(written, list):
            self.document.add(("rules",), "rules must be a list", "start each with '- id:'")
            written = []
        for index, one in enumerate(written):
            rule = self.rule(one, ("rules", index))
            if any(rule.id == other.id for other in rules):
                self.document.add(
                    ("rules", index, "id"), f"a second rule {rule.id!r}", "give each its own id"
                )
            rules.append(rule)
        return RuleSet(
            program=program,
            title=self.text(data, (), "title"),
            composer=self.composer(data.get("composer"), ("composer",)),
            rules=_sorted(rules),
            commands=tuple(commands),
            version=int(version),
            source=self.document.file,
        )

    def composer(self, value: Any, path: KeyPath) -> Composer | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            self.document.add(
                path, "composer must be a mapping", "write prompt:, and top: and bottom: if framed"
            )
            return None
        self.keys(value, path, ("prompt", "top", "bottom", "height"))
        if ("top" in value) != ("bottom" in value):
            self.document.add(path, "composer has half a frame", "write both top: and bottom:, or neither")
        return Composer(
            prompt=self.pattern(value.get("prompt"), (*path, "prompt")),
            top=self.pattern(value["top"], (*path, "top")) if "top" in value else None,
            bottom=self.pattern(value["bottom"], (*path, "bottom")) if "bottom" in value else None,
            height=int(self.number(value, path, "height", 20)),
        )

    def rule(self, value: Any, path: KeyPath) -> Rule:
        line, _ = self.document.position(path)
        source = f"{self.document.file}:{line}"
        screen = Region("screen")
        if not isinstance(value, dict):
            self.document.add(
                path, f"{dotted(path)} must be a mapping", "start it with id:, state: and when:"
            )
            return Rule("", AgentState.UNKNOWN, 0, screen, Gate("any"), source=source)
        self.keys(value, path, _RULE_KEYS)
        identity = self.text(value, path, "id", required=True)
        if identity and not _WORD.fullmatch(identity):
            self.document.add(
                (*path, "id"), f"id: {shown(identity)!r} is not a name", "use small letters, digits, -"
            )
        state = AgentState.UNKNOWN
        word = self.text(value, path, "state", required=True)
        if word in [str(one) for one in AgentState]:
            state = AgentState(word)
        elif word:
            near = nearest(word, [str(one) for one in AgentState])
            remedy = f"did you mean {near}?" if near else "states: " + ", ".join(AgentState)
            self.document.add((*path, "state"), f"there is no state {shown(word)!r}", remedy)
        hold = value.get("hold", False)
        if not isinstance(hold, bool):
            self.document.add((*path, "hold"), "hold must be true or false")
            hold = False
        if "when" not in value:
            self.document.add(path, f"the rule {shown(identity)!r} has no when", "say when it holds")
        return Rule(
            id=identity,
            state=state,
            priority=int(self.number(value, path, "priority", 0)),
            region=self.region(value["region"], (*path, "region")) if "region" in value else screen,
            gate=self.gate(value["when"], (*path, "when"), 0) if "when" in value else Gate("any"),
            why=self.sentences(value, path),
            captures=self.captures(value.get("capture"), (*path, "capture")),
            hold=hold,
            quiet=self.number(value, path, "quiet", 0),
            source=source,
        )

    def gate(self, value: Any, path: KeyPath, depth: int) -> Gate:
        nothing = Gate("any")
        if not isinstance(value, dict):
            self.document.add(path, "a condition must be a mapping", "e.g. {line: '^Done'}")
            return nothing
        if depth > _GATES_DEEP:
            self.document.add(path, f"conditions are nested deeper than {_GATES_DEEP}", "split the rule")
            return nothing
        self.keys(value, path, (*_GATE_KINDS, "region"))
        kinds = [kind for kind in _GATE_KINDS if kind in value]
        if len(kinds) != 1:
            what = " and ".join(kinds) if kinds else "nothing"
            remedy = "put several into all: [...]" if kinds else f"write one of {', '.join(_GATE_KINDS)}"
            self.document.add(path, f"a condition holds one thing, this one {what}", remedy)
            return nothing
        kind, inner = kinds[0], value[kinds[0]]
        place = (*path, kind)
        region = self.region(value["region"], (*path, "region")) if "region" in value else None
        if kind in ("line", "text"):
            return Gate(kind, region, pattern=self.pattern(inner, place))
        if kind == "contains":
            if not isinstance(inner, str) or not inner.strip():
                self.document.add(place, "contains must be a text", 'write it in quotes: "..."')
                inner = " "
            return Gate(kind, region, literal=" ".join(inner.split()))
        if kind == "composer":
            if not isinstance(inner, bool):
                self.document.add(place, "composer must be true or false here")
            return Gate(kind, wanted=bool(inner))
        if kind == "not":
            return Gate(kind, region, gates=(self.gate(inner, place, depth + 1),))
        if not isinstance(inner, list) or not inner:
            self.document.add(place, f"{kind} must be a list of conditions", "start each with '- '")
            return nothing
        gates = tuple(self.gate(one, (*place, index), depth + 1) for index, one in enumerate(inner))
        return Gate(kind, region, gates=gates)

    def captures(self, value: Any, path: KeyPath) -> tuple[Capture, ...]:
        if value is None:
            return ()
        if not isinstance(value, dict):
            self.document.add(path, "capture must be a mapping", "e.g. command: {line: '^\\$ (.*)'}")
            return ()
        found = []
        for name, one in value.items():
            place = (*path, name)
            if not isinstance(one, dict) or ("line" in one) == ("text" in one):
                self.document.add(place, f"{dotted(place)} needs either line: or text:")
                continue
            self.keys(one, place, ("line", "text", "below", "region"))
            kind = "line" if "line" in one else "text"
            if "below" in one and kind == "text":
                self.document.add((*place, "below"), "below works with line:, not with text:")
            found.append(
                Capture(
                    name=name,
                    pattern=self.pattern(one[kind], (*place, kind)),
                    region=self.region(one["region"], (*place, "region")) if "region" in one else None,
                    wrapped=kind == "text",
                    below=self.pattern(one["below"], (*place, "below")) if "below" in one else None,
                )
            )
        return tuple(found)

    def sentences(self, data: Mapping[str, Any], path: KeyPath) -> tuple[str, ...]:
        value = data.get("why")
        place = (*path, "why")
        sentences = [value] if isinstance(value, str) else value or []
        if not isinstance(sentences, list) or not all(isinstance(one, str) for one in sentences):
            self.document.add(place, "why must be a sentence, or a list of them")
            return ()
        known = data.get("capture") if isinstance(data.get("capture"), dict) else {}
        for sentence in sentences:
            for name in re.findall(r"\{(\w*)\}", sentence):
                if name not in (known or {}):
                    self.document.add(place, f"why uses {{{shown(name)}}}, which capture does not define")
        return tuple(sentences)

    def region(self, value: Any, path: KeyPath) -> Region:
        words = value.split() if isinstance(value, str) else []
        counted = (
            len(words) == 2 and words[0] in ("tail", "above") and words[1].isdecimal() and int(words[1]) > 0
        )
        if counted:
            return Region(words[0], min(int(words[1]), 200))
        if len(words) == 1 and words[0] in REGIONS:
            return Region(words[0], 1 if words[0] in ("tail", "above") else 0)
        self.document.add(
            path,
            f"there is no region {shown(str(value))!r}",
            "use screen, tail N, above N, composer, footer or dialog",
        )
        return Region("screen")

    def pattern(self, value: Any, path: KeyPath) -> re.Pattern[str]:
        never = re.compile(r"(?!)")
        if not isinstance(value, str) or not value:
            self.document.add(
                path, f"{dotted(path)} must be a regular expression", "write it in quotes: '...'"
            )
            return never
        if len(value) > PATTERN_LIMIT:
            self.document.add(
                path, f"the pattern is longer than {PATTERN_LIMIT} characters", "split the rule"
            )
            return never
        if found := _NESTED.search(value):
            message = f"the pattern repeats a repetition at {shown(found.group())!r}"
            self.document.add(path, message, "bound it: that can take time without end")
            return never
        try:
            return re.compile(value)
        except re.error as error:
            self.document.add(path, f"the pattern is not valid: {error}", "see the re module of Python")
            return never

    def keys(self, value: Mapping[str, Any], path: KeyPath, known: Iterable[str]) -> None:
        for key in value:
            if key not in known:
                near = nearest(key, list(known))
                remedy = f"did you mean {near}?" if near else f"keys here: {', '.join(known)}"
                self.document.add((*path, key), f"unknown key {dotted((*path, key))}", remedy, of_key=True)

    def text(self, data: Mapping[str, Any], path: KeyPath, key: str, *, required: bool = False) -> str:
        value = data.get(key)
        if isinstance(value, str) and value:
            return value
        if value is not None and not isinstance(value, str):
            self.document.add((*path, key), f"{dotted((*path, key))} must be text", "write it in quotes")
        elif required:
            self.document.add(path, f"{dotted((*path, key))} is missing", "write it")
        return ""

    def number(self, data: Mapping[str, Any], path: KeyPath, key: str, default: float) -> float:
        value = data.get(key, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1e6:
            return value
        self.document.add(
            (*path, key), f"{dotted((*path, key))} must be a number from 0", f"default: {default:g}"
        )
        return default

"""What an agent's visible screen says, judged by rules that are data.

Pure: text and compiled rules in, one :class:`ScreenVerdict` out. The rules look at
regions, never at the whole text, because an agent's transcript may quote any dialog,
banner or hint; the composer, where a person types, is the landmark that splits the
screen. A screen that no rule recognises is ``unknown``: there is no default state.

The text is bounded before any pattern sees it (:data:`LINES`, :data:`COLUMNS`).
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .state import AgentState

#: At most so many last lines and first columns of a screen are judged.
LINES = 200
COLUMNS = 500
#: The rule set that is tried for every program, before its own.
ALWAYS = "slurm"
#: At most so many characters of a captured text reach a sentence.
FACT_LENGTH = 160

REGIONS = ("screen", "tail", "above", "composer", "footer", "dialog")
_DIALOG_LINES = 40


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the screen.

    ``screen`` is all of it; ``tail`` the last ``count`` lines that are not blank;
    ``above`` the last ``count`` blocks (runs of lines that are not blank) above the
    composer, or of the screen when there is none; ``composer`` what a person typed;
    ``footer`` what is below the composer; ``dialog`` what a dialog can stand in: below
    the last composer, or the end of a screen without one.
    """

    name: str
    count: int = 0

    def __str__(self) -> str:
        return f"{self.name} {self.count}" if self.count else self.name


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition, on a region or on other gates.

    ``line`` is searched in each line, ``text`` in the region with every run of white
    space made one space (so that it survives narrow, wrapped screens), ``contains`` is
    a literal in that same text, ``composer`` asks whether there is one.
    """

    kind: str  # line, text, contains, composer, all, any, not
    region: Region | None = None
    pattern: re.Pattern[str] | None = None
    literal: str = ""
    wanted: bool = True
    gates: tuple[Gate, ...] = ()

    def __str__(self) -> str:
        if self.kind in ("all", "any", "not"):
            return f"{self.kind} of ({', '.join(str(gate) for gate in self.gates)})"
        if self.kind == "composer":
            return "a composer" if self.wanted else "no composer"
        what = self.pattern.pattern if self.pattern is not None else self.literal
        return f"{self.kind} {what!r}"


@dataclass(frozen=True, slots=True)
class Capture:
    """A piece of text for the sentence: group 1 of the first line (or of the wrapped
    text) that matches; with ``below``, only lines after the first match of that."""

    name: str
    pattern: re.Pattern[str]
    region: Region | None = None
    wrapped: bool = False
    below: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When ``gate`` holds, the agent is in ``state``.

    ``why`` are sentences with ``{capture}`` fields; the first whose fields were all
    found is used. ``hold``: the screen says nothing now (e.g. a viewer covers it), so
    the state before stays. ``quiet``: it counts only after so many seconds without
    output. ``source`` is the file:line it was written at.
    """

    id: str
    state: AgentState
    priority: int
    region: Region
    gate: Gate
    why: tuple[str, ...] = ()
    captures: tuple[Capture, ...] = ()
    hold: bool = False
    quiet: float = 0.0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Composer:
    """How to find the place where a person types. Without ``top`` and ``bottom`` it has
    no frame and ends at the next blank line."""

    prompt: re.Pattern[str]
    top: re.Pattern[str] | None = None
    bottom: re.Pattern[str] | None = None
    height: int = 20


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules for one program; ``rules`` are sorted by falling priority."""

    program: str
    title: str = ""
    composer: Composer | None = None
    rules: tuple[Rule, ...] = ()
    #: words of a command line that show that it is this program
    commands: tuple[str, ...] = ()
    version: int = 1
    source: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """One rule that was evaluated; ``note`` says which condition did not hold."""

    rule: str
    matched: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class ScreenVerdict:
    """What the screen says.

    ``rule`` is ``program/id``, empty when none matched (then the state is unknown);
    ``line`` counts from 1 in the judged text, ``evidence`` is that line. ``covered`` is
    False when there are no rules for the program at all. ``facts`` are the captures,
    e.g. ``resets`` or ``command``.
    """

    state: AgentState
    why: str = ""
    rule: str = ""
    line: int | None = None
    evidence: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    hold: bool = False
    quiet: float = 0.0
    covered: bool = True
    blank: bool = False
    tried: tuple[Tried, ...] = ()

    def fact(self, name: str) -> str:
        return dict(self.facts).get(name, "")


def judge(text: str, rules: Mapping[str, RuleSet], program: str) -> ScreenVerdict:
    """Judge a visible screen by the rules of ``program`` and those that always hold."""
    lines = [_plain(line[:COLUMNS]) for line in text.splitlines()]
    while lines and not lines[-1].strip():
        lines.pop()
    skipped = max(len(lines) - LINES, 0)
    lines = lines[skipped:]
    covered = program in rules and program != ALWAYS
    tried: list[Tried] = []
    for name in (ALWAYS, program) if program != ALWAYS else (ALWAYS,):
        if (ruleset := rules.get(name)) is None:
            continue
        screen = _Screen(lines, ruleset.composer)
        for rule in ruleset.rules:
            label = f"{name}/{rule.id}"
            outcome = _hold(rule.gate, rule.region, screen)
            tried.append(Tried(label, outcome.holds, outcome.note))
            if not outcome.holds:
                continue
            facts = _facts(rule, screen)
            line = outcome.line
            return ScreenVerdict(
                state=rule.state,
                why=_sentence(rule.why, facts),
                rule=label,
                line=None if line is None else line + skipped + 1,
                evidence="" if line is None else lines[line].strip(),
                facts=tuple(facts.items()),
                hold=rule.hold,
                quiet=rule.quiet,
                covered=covered,
                tried=tuple(tried),
            )
    blank = not any(line.strip() for line in lines)
    if blank:
        why = "its screen is blank"
    elif covered:
        why = "no rule recognises its screen"
    else:
        why = f"there are no screen rules for {program or 'its program'}"
    return ScreenVerdict(AgentState.UNKNOWN, why, covered=covered, blank=blank, tried=tuple(tried))


def program_of(argv: Sequence[str], rules: Mapping[str, RuleSet]) -> str:
    """The program that a command line starts, if there are rules for it; else ``""``."""
    for word in argv[:3]:
        name = word.rsplit("/", 1)[-1]
        for ruleset in rules.values():
            if name in ruleset.commands:
                return ruleset.program
    return ""


# -- the parts of a screen ----------------------------------------------------------------


class _Screen:
    """Lines with their composer, and the regions as lists of line indices."""

    def __init__(self, lines: list[str], composer: Composer | None) -> None:
        self.lines = lines
        self.composer = _find_composer(lines, composer) if composer is not None else None
        self._regions: dict[Region, _Part] = {}

    def part(self, region: Region) -> _Part:
        if region not in self._regions:
            self._regions[region] = _Part(self.lines, self._indices(region))
        return self._regions[region]

    def _indices(self, region: Region) -> list[int]:
        every = range(len(self.lines))
        found = self.composer
        if region.name == "screen":
            return list(every)
        if region.name == "tail":
            return [index for index in every if self.lines[index].strip()][-max(region.count, 1) :]
        if region.name == "composer":
            return [] if found is None else list(range(found.first, found.last + 1))
        if region.name == "footer":
            return [] if found is None else list(range(found.end + 1, len(self.lines)))
        if region.name == "dialog":
            start = found.end + 1 if found is not None else max(len(self.lines) - _DIALOG_LINES, 0)
            return list(range(start, len(self.lines)))
        return self._above(len(self.lines) if found is None else found.start, max(region.count, 1))

    def _above(self, end: int, blocks: int) -> list[int]:
        indices: list[int] = []
        inside = False
        for index in range(end - 1, -1, -1):
            if self.lines[index].strip():
                if not inside:
                    if blocks == 0:
                        break
                    blocks -= 1
                inside = True
                indices.append(index)
            else:
                inside = False
        return indices[::-1]


@dataclass(frozen=True, slots=True)
class _Box:
    """A composer: ``start`` to ``end`` with its frame, ``first`` to ``last`` without."""

    start: int
    end: int
    first: int
    last: int


def _find_composer(lines: Sequence[str], shape: Composer) -> _Box | None:
    """The last composer on the screen."""
    for first in range(len(lines) - 1, -1, -1):
        if not shape.prompt.search(lines[first]):
            continue
        if shape.top is None or shape.bottom is None:
            last = first
            while last + 1 < len(lines) and lines[last + 1].strip() and last - first < shape.height:
                last += 1
            return _Box(first, last, first, last)
        # The prompt directly under a rule: a dialog's options have a title above them.
        if first == 0 or not shape.top.search(lines[first - 1]):
            continue
        for end in range(first + 1, min(first + shape.height + 1, len(lines))):
            if shape.bottom.search(lines[end]):
                return _Box(first - 1, end, first, end - 1)
    return None


@dataclass(slots=True)
class _Part:
    """Some lines of a screen, also as one text whose white space is one space."""

    lines: Sequence[str]
    indices: list[int]
    _flat: str | None = field(default=None)
    _starts: list[int] = field(default_factory=list)
    _sources: list[int] = field(default_factory=list)

    @property
    def flat(self) -> str:
        if self._flat is None:
            pieces: list[str] = []
            length = 0
            for index in self.indices:
                words = " ".join(self.lines[index].split())
                if words:
                    self._starts.append(length)
                    self._sources.append(index)
                    pieces.append(words)
                    length += len(words) + 1
            self._flat = " ".join(pieces)
        return self._flat

    def line_at(self, offset: int) -> int | None:
        """The line that holds this offset of the flat text."""
        if not self._starts:
            return None
        return self._sources[bisect.bisect_right(self._starts, offset) - 1]


# -- gates ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Outcome:
    holds: bool
    line: int | None = None
    note: str = ""


def _hold(gate: Gate, default: Region, screen: _Screen) -> _Outcome:
    if gate.kind == "composer":
        holds = (screen.composer is not None) == gate.wanted
        line = screen.composer.first if screen.composer is not None else None
        return _Outcome(holds, line, "" if holds else f"wants {gate}")
    region = gate.region or default
    if gate.kind in ("all", "any", "not"):
        outcomes = []
        for inner in gate.gates:
            outcome = _hold(inner, region, screen)
            outcomes.append(outcome)
            if gate.kind == "all" and not outcome.holds:
                return outcome
            if gate.kind == "any" and outcome.holds:
                return outcome
            if gate.kind == "not" and outcome.holds:
                return _Outcome(False, outcome.line, f"{inner} holds in {inner.region or region}")
        if gate.kind == "any":
            every = ", ".join(str(inner) for inner in gate.gates)
            return _Outcome(False, None, f"none of {every} in {region}")
        if gate.kind == "not":
            return _Outcome(True)
        # A composer is always there; the line that says something is better evidence.
        for outcome, inner in zip(outcomes, gate.gates, strict=True):
            if inner.kind not in ("composer", "not") and outcome.line is not None:
                return outcome
        return _Outcome(True)
    line = _search(gate, screen.part(region))
    return _Outcome(line is not None, line, "" if line is not None else f"no {gate} in {region}")


def _search(gate: Gate, part: _Part) -> int | None:
    if gate.kind == "line" and gate.pattern is not None:
        # The lowest match: it is the newest.
        return next((i for i in reversed(part.indices) if gate.pattern.search(part.lines[i])), None)
    if gate.pattern is not None:
        match = gate.pattern.search(part.flat)
        return part.line_at(match.start()) if match else None
    offset = part.flat.find(gate.literal)
    return part.line_at(offset) if offset >= 0 else None


def _facts(rule: Rule, screen: _Screen) -> dict[str, str]:
    facts: dict[str, str] = {}
    for capture in rule.captures:
        part = screen.part(capture.region or rule.region)
        if capture.wrapped:
            match = capture.pattern.search(part.flat)
        else:
            match = _capture_line(capture, part)
        if match is not None:
            text = (match.group(1) if match.re.groups else match.group()) or ""
            text = " ".join(text.split())
            if text and capture.name not in facts:
                facts[capture.name] = text if len(text) <= FACT_LENGTH else text[: FACT_LENGTH - 1] + "…"
    return facts


def _capture_line(capture: Capture, part: _Part) -> re.Match[str] | None:
    open_ = capture.below is None
    for index in part.indices:
        line = part.lines[index]
        if open_:
            if match := capture.pattern.search(line):
                return match
        elif capture.below is not None and capture.below.search(line):
            open_ = True
    return None


def _sentence(templates: Sequence[str], facts: Mapping[str, str]) -> str:
    for template in templates:
        fields = re.findall(r"\{(\w+)\}", template)
        if all(name in facts for name in fields):
            return re.sub(r"\{(\w+)\}", lambda match: facts[match.group(1)], template)
    return ""


def _plain(line: str) -> str:
    return "".join(character if character.isprintable() else " " for character in line)

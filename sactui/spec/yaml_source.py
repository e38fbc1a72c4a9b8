"""YAML as a person wrote it: plain data, and where every part of it stands.

Read from the parser's events rather than with ``yaml.safe_load``, because the data alone
does not say what is wrong: ``time_limit: 1:30:00`` is the number 5400 there, ``umask: 022``
is 18, and a key that is written twice has silently lost its first value. Sizes are bounded:
of the file, of its nesting, and of what aliases expand to.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ..errors import DefinitionError

#: Where a value stands in the data: keys and list indices from the root.
KeyPath = tuple[str | int, ...]

#: Largest file in bytes, deepest nesting, most values after aliases are expanded.
SIZE_LIMIT = 256 * 1024
DEPTH_LIMIT = 40
VALUE_LIMIT = 20_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_OCTAL = re.compile(r"[-+]?0[0-9_]+")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in one file; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str
    remedy: str = ""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f" ({self.remedy})" if self.remedy else "")


class BrokenFileError(DefinitionError):
    """A file cannot be used; ``mistakes`` is everything that is wrong with it, in file order."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda one: (one.line, one.column)))
        if len(self.mistakes) == 1:
            only = self.mistakes[0]
            super().__init__(f"{only.where}: {only.message}", only.remedy)
        else:
            super().__init__("\n".join(str(one) for one in self.mistakes))


@dataclass(slots=True)
class Document:
    """One parsed file: its data and the places of the data.

    ``mistakes`` are those found so far that do not stop the reading; ``spoiled`` holds the
    paths of values that already have one, so that nobody complains about them twice.
    """

    file: str
    data: Any = None
    digest: str = ""  # sha256 of the bytes
    mistakes: list[Mistake] = field(default_factory=list)
    spoiled: set[KeyPath] = field(default_factory=set)
    _values: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    _keys: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    _texts: dict[KeyPath, str] = field(default_factory=dict)

    def known(self, path: KeyPath) -> KeyPath:
        """``path`` without the parts that do not occur in the file."""
        found: KeyPath = ()
        for part in path:
            if (*found, part) in self._values:
                found = (*found, part)
        return found

    def position(self, path: KeyPath, *, of_key: bool = False) -> tuple[int, int]:
        """(line, column) of a value, or of its key; of the nearest enclosing one if it has none."""
        place = self.known(path)
        if of_key and place in self._keys:
            return self._keys[place]
        return self._values.get(place, (1, 1))

    def source(self, path: KeyPath) -> str | None:
        """The text of an unquoted scalar as it stands in the file."""
        return self._texts.get(path)

    def add(self, path: KeyPath, message: str, remedy: str = "", *, of_key: bool = False) -> None:
        """Note a mistake at ``path``."""
        line, column = self.position(path, of_key=of_key)
        self.mistakes.append(Mistake(self.file, line, column, message, remedy))


def shown(text: str, limit: int = 60) -> str:
    """``text`` for a message: control characters as visible escapes, bounded in length."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def dotted(path: KeyPath) -> str:
    """``("spec", "claude", "flags", 0)`` as people write it: ``spec.claude.flags[0]``."""
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f"{'.' if out else ''}{shown(part)}"
    return out


def read(path: Path, *, limit: int = SIZE_LIMIT) -> Document:
    """Read and parse one file. Raises BrokenFileError when there is no data to be had from it."""
    return parse(read_bytes(path, limit=limit), str(path))


def read_bytes(path: Path, *, limit: int = SIZE_LIMIT) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes. Raises BrokenFileError."""
    file = shown(str(path), 4096)
    try:
        # Without O_NONBLOCK a named pipe would hold the console for ever.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                message = "is not a regular file"
                raise BrokenFileError([Mistake(file, 1, 1, message, "put a plain file there")])
            data = stream.read(limit + 1)
    except FileNotFoundError:
        raise BrokenFileError([Mistake(file, 1, 1, "there is no such file", "check the path")]) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise BrokenFileError([Mistake(file, 1, 1, message, "check its permissions")]) from error
    if len(data) > limit:
        message = f"is larger than {limit // 1024} KiB"
        raise BrokenFileError([Mistake(file, 1, 1, message, "is this the right file?")])
    return data


def parse(raw: bytes, file: str) -> Document:
    """Parse ``raw``; ``file`` is only named in messages. Raises BrokenFileError on a syntax error."""
    file = shown(file, 4096)
    text = _decode(raw, file)
    document = Document(file, digest=hashlib.sha256(raw).hexdigest())
    loader = _LOADER(text)
    try:
        _Builder(loader, document).document()
    except yaml.MarkedYAMLError as error:
        raise BrokenFileError([*document.mistakes, _syntax(error, text, file)]) from None
    except yaml.YAMLError as error:
        message = f"is not YAML: {shown(str(error))}"
        raise BrokenFileError([*document.mistakes, Mistake(file, 1, 1, message)]) from None
    finally:
        loader.dispose()
    return document


def _decode(raw: bytes, file: str) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise BrokenFileError([Mistake(file, line, column, message, "save the file as UTF-8")]) from None
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        message = f"control character {shown(found.group())}"
        remedy = 'remove it, or write it as an escape in "..."'
        raise BrokenFileError([Mistake(file, line, column, message, remedy)])
    return text


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Mistake:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Mistake(file, 1, 1, f"is not YAML: {shown(error.problem or str(error))}")
    lines = text.splitlines()
    source = lines[mark.line] if mark.line < len(lines) else ""
    indent = source[: len(source) - len(source.lstrip())]
    if "\t" in indent:
        column = indent.index("\t") + 1
        return Mistake(file, mark.line + 1, column, "a tab is used for indentation", "YAML wants spaces")
    problem = error.problem or "is not YAML"
    if error.context:
        problem = f"{problem} {error.context}"
    remedy = ""
    if "mapping values are not allowed" in problem:
        remedy = 'check the indentation; a value with ": " in it needs quotes'
    elif "cannot start any token" in problem:
        remedy = f"a value that starts with {shown(source[mark.column : mark.column + 1])} needs quotes"
    elif "',' or ']'" in problem or "',' or '}'" in problem or "end of stream" in problem:
        remedy = "something that was opened there is not closed"
    return Mistake(file, mark.line + 1, mark.column + 1, problem, remedy)


@dataclass(slots=True)
class _Anchored:
    value: Any
    size: int
    text: str | None


class _Builder:
    """Builds plain data from the events of one file."""

    def __init__(self, loader: Any, document: Document) -> None:
        self._loader = loader
        self._document = document
        self._anchors: dict[str, _Anchored] = {}
        self._open_anchors: set[str] = set()
        self._size = 0

    def document(self) -> None:
        take = self._loader.get_event
        take()  # the start of the stream
        if isinstance(event := take(), yaml.StreamEndEvent):
            self._stop(event, "the file is empty", "write a definition into it")
        self._document.data = self._value(take(), (), 0)
        take()  # the end of the document
        if not isinstance(event := take(), yaml.StreamEndEvent):
            self._stop(event, "a second document starts here", "one file holds one definition: remove ---")

    def _stop(self, event: Any, message: str, remedy: str) -> NoReturn:
        raise BrokenFileError([*self._document.mistakes, self._mistake(event, message, remedy)])

    def _mistake(self, event: Any, message: str, remedy: str) -> Mistake:
        return Mistake(self._document.file, *self._place(event), message, remedy)

    @staticmethod
    def _place(event: Any) -> tuple[int, int]:
        return event.start_mark.line + 1, event.start_mark.column + 1

    def _note(self, event: Any, message: str, remedy: str) -> None:
        self._document.mistakes.append(self._mistake(event, message, remedy))

    def _value(self, event: Any, path: KeyPath, depth: int) -> Any:
        self._size += 1
        if self._size > VALUE_LIMIT:
            self._stop(event, f"holds more than {VALUE_LIMIT} values", "aliases multiply what they point to")
        if depth > DEPTH_LIMIT:
            self._stop(event, f"is nested deeper than {DEPTH_LIMIT} levels", "definitions are flat")
        self._document._values[path] = self._place(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        before = self._size
        anchor: str | None = event.anchor
        if anchor is not None:
            self._anchors.pop(anchor, None)
            self._open_anchors.add(anchor)
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._tag(event, path, "seq")
            value = []
            while not isinstance(inner := self._loader.get_event(), yaml.SequenceEndEvent):
                value.append(self._value(inner, (*path, len(value)), depth + 1))
        else:
            self._tag(event, path, "map")
            value = self._mapping(path, depth)
        if anchor is not None:
            self._open_anchors.discard(anchor)
            text = self._document._texts.get(path)
            self._anchors[anchor] = _Anchored(value, self._size - before + 1, text)
        return value

    def _alias(self, event: Any, path: KeyPath) -> Any:
        name = shown(event.anchor)
        if event.anchor in self._open_anchors:
            self._stop(event, f"the alias *{name} stands inside its own anchor", "write the value out")
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            self._stop(event, f"the alias *{name} has no anchor", f"write &{name} before a value above it")
        self._size += anchored.size
        if self._size > VALUE_LIMIT:
            self._stop(event, f"holds more than {VALUE_LIMIT} values", "aliases multiply what they point to")
        if anchored.text is not None:
            self._document._texts[path] = anchored.text
        return anchored.value

    def _mapping(self, path: KeyPath, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: list[tuple[Any, Any]] = []
        event: Any
        while not isinstance(event := self._loader.get_event(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._stop(event, "a key must be plain text", "write a word before the colon")
            tag = self._resolved(event)
            if tag == "merge" and event.implicit[0]:
                merged.append((event, self._value(self._loader.get_event(), (*path, "<<"), depth + 1)))
                continue
            key: str = event.value
            place = (*path, key)
            if key in result:
                line = self._document._keys[place][0]
                message = f"the key {dotted(place)} is here for the second time (first in line {line})"
                self._note(event, message, "remove one of them")
                self._skip(self._loader.get_event(), depth)
                continue
            self._document._keys[place] = self._place(event)
            if tag != "str":
                kind = {"bool": "a boolean", "null": "nothing", "int": "a number", "float": "a number"}
                message = f"YAML reads the key {shown(key)} as {kind.get(tag, tag)}"
                self._note(event, message, f'write it in quotes: "{shown(key)}"')
            result[key] = self._value(self._loader.get_event(), place, depth + 1)
        for event, value in merged:
            self._merge(event, value, result, path)
        return result

    def _merge(self, event: Any, value: Any, result: dict[str, Any], path: KeyPath) -> None:
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict):
                self._note(event, "<< merges mappings only", "point it to an anchor of a mapping")
                continue
            for key, inner in one.items():
                if key not in result:
                    result[key] = inner
                    self._document._values[(*path, key)] = self._place(event)
                    self._document._keys[(*path, key)] = self._place(event)

    def _skip(self, event: Any, depth: int) -> None:
        """Consume a value that is not wanted, anchors in it included."""
        scrap = _Builder(self._loader, Document(self._document.file))
        scrap._anchors, scrap._open_anchors, scrap._size = self._anchors, self._open_anchors, self._size
        scrap._value(event, (), depth + 1)
        self._size = scrap._size

    def _tag(self, event: Any, path: KeyPath, expected: str) -> None:
        if event.tag not in (None, "!", _TAG + expected):
            self._foreign_tag(event, path)

    def _foreign_tag(self, event: Any, path: KeyPath) -> None:
        message = f"the tag {shown(event.tag)} is not used in these files"
        self._note(event, message, "remove it")
        self._document.spoiled.add(path)

    def _resolved(self, event: Any) -> str:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        return str(tag).removeprefix(_TAG)

    def _scalar(self, event: Any, path: KeyPath) -> Any:
        text: str = event.value
        kind = self._resolved(event)
        if not event.style:  # plain: None or "", by loader
            self._document._texts[path] = text
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("yes", "true", "on")
        if kind in ("int", "float"):
            return self._number(event, path, kind)
        if kind in ("timestamp", "merge", "value"):
            what = "a date" if kind == "timestamp" else "a YAML operator"
            self._ambiguous(event, path, f"YAML reads {shown(text)} as {what}")
        else:
            self._foreign_tag(event, path)
        return text

    def _number(self, event: Any, path: KeyPath, kind: str) -> Any:
        text: str = event.value
        plain = text.replace("_", "")
        if _BASE_60.fullmatch(text):
            parts = plain.lstrip("+-").split(":")
            seconds = 0.0
            for part in parts:
                seconds = seconds * 60 + float(part)
            self._ambiguous(event, path, f"YAML reads {shown(text)} as the number {seconds:g} (base 60)")
            return text
        if kind == "int" and _OCTAL.fullmatch(text):
            self._ambiguous(event, path, f"YAML reads {shown(text)} as an octal number")
            return text
        try:
            if kind == "int":
                return int(plain, 0)
            return float(re.sub(r"^([-+]?)\.(inf|nan)$", r"\1\2", plain.lower()))
        except ValueError:
            self._ambiguous(event, path, f"{shown(text)} is not a number")
            return text

    def _ambiguous(self, event: Any, path: KeyPath, message: str) -> None:
        remedy = f'write it in quotes: "{shown(event.value)}"'
        self._note(event, message, remedy)
        self._document.spoiled.add(path)

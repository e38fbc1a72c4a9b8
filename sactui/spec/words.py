"""Kinds of values in files that people write: each checks, none converts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from .mistakes import describe, wrong
from .yaml_source import shown

_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_TIME = re.compile(r"\d+(-\d{1,2}(:\d{1,2}){0,2})?|\d+(:\d{1,2}){1,2}|UNLIMITED|INFINITE", re.IGNORECASE)
_MEMORY = re.compile(r"\d+[KMGTkmgt]?")
_SIGNAL = re.compile(r"([BR]{1,2}:)?[A-Za-z0-9]+(@\d+)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _text(value: str) -> str:
    if found := _INVISIBLE.search(value):
        raise wrong(f"contains the control character {shown(found.group())}", "remove it")
    return value


def _line(value: str) -> str:
    if "\n" in _text(value):
        raise wrong("must be one line", "remove the line break; after '|' or '>' YAML adds one: use '>-'")
    return value


def _word(value: str) -> str:
    if any(c.isspace() for c in value):
        raise wrong(f'must be one word, not "{shown(value, 40)}"', "remove the space")
    return _line(value)


def _filled(value: str) -> str:
    if not value.strip():
        raise wrong("is empty", "write a value, or remove the key")
    return value


#: Any text without control characters; line breaks are fine.
Text = Annotated[str, AfterValidator(_text)]
#: One line of text, possibly empty.
Line = Annotated[str, AfterValidator(_line)]
#: One line that says something.
FilledLine = Annotated[str, AfterValidator(_line), AfterValidator(_filled)]
#: No white space; it becomes part of a directive or an option.
Word = Annotated[str, AfterValidator(_word)]
FilledWord = Annotated[str, AfterValidator(_word), AfterValidator(_filled)]
#: A whole number from 1.
Count = Annotated[int, Field(ge=1)]
#: A whole number from 0.
Amount = Annotated[int, Field(ge=0)]
#: More than 0 seconds.
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _time_limit(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        hours, minutes = divmod(value, 60)
        remedy = f'write it in quotes: "{hours:02d}:{minutes:02d}:00" for {value} minutes'
        raise wrong(f"must be text, not the number {value}", remedy)
    if isinstance(value, str) and value and not _TIME.fullmatch(value):
        remedy = 'Slurm reads "MINUTES", "HOURS:MINUTES:SECONDS", "DAYS-HOURS", "DAYS-HOURS:MINUTES:SECONDS"'
        raise wrong(f"is not a time limit: {describe(value)}", remedy)
    return value


def _memory(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        remedy = f'write it with its unit, in quotes: "{value}G"'
        raise wrong(f"must be text with its unit; Slurm takes {value} as {value} megabytes", remedy)
    if isinstance(value, str) and value and not _MEMORY.fullmatch(value):
        raise wrong(f"is not an amount of memory: {describe(value)}", 'write it as "16G" or "512M"')
    return value


def _signal(value: str) -> str:
    if value and not _SIGNAL.fullmatch(value):
        raise wrong(f"is not a signal request: {describe(value)}", 'Slurm reads "B:USR1@3600"')
    return value


def _directive(value: str) -> str:
    if not value.startswith("#SBATCH "):
        raise wrong(f"must start with #SBATCH, not {describe(value)}", f'write "#SBATCH {shown(value, 40)}"')
    return _line(value)


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise wrong(f"is not a regular expression: {error}", "escape special characters with \\") from None
    return value


def _flag(value: str) -> str:
    try:
        shlex.split(value)
    except ValueError as error:
        raise wrong(f"cannot be split into words: {str(error).lower()}", "close the quote") from None
    return _line(value)


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise wrong("is not a name of an environment variable", "use letters, digits and _; no digit first")
    return value


def _variable_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise wrong(f"must be text, not {describe(value)}", f'write it in quotes: "{str(value).lower()}"')
    if value is None:
        raise wrong("has no value", 'write "" for an empty one')
    if isinstance(value, (list, dict)):
        raise wrong(f"must be text, not {describe(value)}", "a variable holds one text")
    if isinstance(value, str) and "\0" in value:
        raise wrong("contains a NUL character", "remove it")
    return value


def _argv(value: Any) -> Any:
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise wrong(f"cannot be split into words: {str(error).lower()}", "close the quote") from None
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        words = value
    else:
        raise wrong(f"must be a command line or a list of words, not {describe(value)}", 'e.g. "bash -l"')
    if not words or not words[0]:
        raise wrong("names no program", "write the program first, or remove the key")
    if any("\0" in one for one in words):
        raise wrong("contains a NUL character", "remove it")
    return tuple(words)


def _one_or_many(value: Any) -> Any:
    """A text, or a list of texts, as a tuple."""
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    if isinstance(value, list):
        for one in value:
            if not isinstance(one, str):
                raise wrong(f"must be a text or a list of texts; in it stands {describe(one)}", "use quotes")
        return tuple(value)
    raise wrong(f"must be a text or a list of texts, not {describe(value)}", "e.g. [one, two]")


TimeLimit = Annotated[Line, BeforeValidator(_time_limit)]
Memory = Annotated[Line, BeforeValidator(_memory)]
Signal = Annotated[Word, AfterValidator(_signal)]
Directive = Annotated[str, AfterValidator(_directive)]
Regex = Annotated[str, AfterValidator(_regex)]
Flag = Annotated[str, AfterValidator(_flag)]
Variable = Annotated[str, AfterValidator(_variable)]
#: Text, or a number whose text is the same in every YAML reader (checked with the source).
VariableValue = Annotated[str | int | float, BeforeValidator(_variable_value)]
Argv = Annotated[tuple[str, ...], BeforeValidator(_argv, json_schema_input_type=str | list[str])]
OneOrMany = Annotated[
    tuple[FilledWord, ...], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])
]


def keyed(key: str) -> Callable[[Any], Any]:
    """A validator that lets a bare text stand for a mapping with that one key."""
    return lambda value: {key: value} if isinstance(value, str) else value

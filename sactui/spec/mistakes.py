"""What pydantic finds wrong, in words, at the place in the file where it stands."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from .yaml_source import Document, KeyPath, dotted, shown


class Block(BaseModel):
    """Base of what people write: nothing is coerced, nothing unknown is let through.

    A known key with nothing behind it counts as not written, as it does for the reference.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        populate_by_name=False,
        protected_namespaces=(),
        # A message must never show a value that could be a secret in some other place.
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = set(keys_of(cls))
        return {key: value for key, value in data.items() if value is not None or key not in known}


def wrong(what: str, remedy: str = "") -> PydanticCustomError:
    """An error for a validator to raise. ``what`` continues a sentence that starts with the key."""
    return PydanticCustomError("sactui", "{what}", {"what": what, "remedy": remedy})


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys of a block as they are written."""
    return tuple(one.alias or name for name, one in model.model_fields.items())


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that ``word`` is probably meant to be, or empty."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def describe(value: Any) -> str:
    """A value for a message: its kind and, when short, itself."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f'"{shown(value, 40)}"'
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a mapping"


def note_errors(
    document: Document, error: ValidationError, model: type[BaseModel], root: KeyPath = ()
) -> None:
    """Add everything in ``error`` to the document's mistakes.

    ``model`` is the block that was validated, ``root`` where it stands in the document.
    """
    for detail in error.errors(include_url=False, include_context=True):
        path: KeyPath = (*root, *detail["loc"])
        known = document.known(path)
        # Only the value itself: a spoiled value inside a list does not excuse the list.
        if known in document.spoiled:
            continue
        _note(document, detail, path, known, model)


def _note(
    document: Document, detail: ErrorDetails, path: KeyPath, known: KeyPath, model: type[BaseModel]
) -> None:
    kind = detail["type"]
    name = dotted(known) or "the file"
    if kind == "extra_forbidden":
        key = str(path[-1])
        candidates = tuple(_keys_at(model, detail["loc"][:-1]))
        guess = nearest(key, candidates)
        remedy = f"did you mean {guess}?" if guess else f"known here: {', '.join(sorted(candidates))}"
        document.add(path, f"unknown key {dotted(path)}", remedy, of_key=True)
    elif kind == "missing":
        document.add(path, f"{dotted(path)} is missing", "write it")
    elif path and path[-1] == "[key]":
        what, remedy = _sentence(document, detail, known)
        document.add(known, f"{name} {what}", remedy, of_key=True)
    else:
        what, remedy = _sentence(document, detail, known)
        document.add(known, f"{name} {what}", remedy)


def _sentence(document: Document, detail: ErrorDetails, known: KeyPath) -> tuple[str, str]:
    kind, value, context = detail["type"], detail.get("input"), detail.get("ctx", {})
    if kind == "sactui":
        return str(context["what"]), str(context["remedy"])
    got = describe(value)
    if kind == "string_type":
        text = document.source(known)
        if isinstance(value, (bool, int, float)):
            return f"must be text, not {got}", f'write it in quotes: "{text if text is not None else value}"'
        return f"must be text, not {got}", "write one text"
    if kind in ("int_type", "int_parsing", "int_from_float"):
        return f"must be a whole number, not {got}", "write digits without quotes"
    if kind in ("float_type", "float_parsing"):
        return f"must be a number, not {got}", "write digits without quotes"
    if kind in ("bool_type", "bool_parsing"):
        return f"must be true or false, not {got}", "write true or false without quotes"
    if kind in ("list_type", "tuple_type"):
        return f"must be a list, not {got}", "write one entry a line, each after '- '"
    if kind in ("dict_type", "model_type", "model_attributes_type", "mapping_type"):
        return f"must be a mapping, not {got}", "write 'key: value' lines below it"
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']}, not {value}", ""
    if kind == "greater_than":
        return f"must be more than {context['gt']}, not {value}", ""
    if kind == "less_than_equal":
        return f"must be at most {context['le']}, not {value}", ""
    if kind == "finite_number":
        return f"must be a finite number, not {value}", ""
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", "")
        guess = nearest(value, expected.replace(" or ", ", ").split(", ")) if isinstance(value, str) else ""
        return f"must be {expected}, not {got}", f"did you mean {guess}?" if guess else ""
    return f"is not right: {detail['msg']}", ""


def _keys_at(model: type[BaseModel], loc: Iterable[str | int]) -> Iterator[str]:
    """The keys that are known in the block at ``loc``."""
    blocks: list[type[BaseModel]] = [model]
    for part in loc:
        inner: list[type[BaseModel]] = []
        for block in blocks:
            for name, info in block.model_fields.items():
                if (info.alias or name) == part:
                    inner += blocks_in(info.annotation)
        # An index or a free key leads to the same blocks that its container holds.
        blocks = inner or blocks
    for block in blocks:
        yield from keys_of(block)


def blocks_in(annotation: Any) -> list[type[BaseModel]]:
    """The blocks that a type holds, inside lists and mappings too."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [block for one in typing.get_args(annotation) for block in blocks_in(one)]

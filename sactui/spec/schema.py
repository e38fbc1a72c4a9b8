"""JSON Schema of definitions, for editors that check and complete YAML."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

from pydantic import BaseModel

from .agent import AgentFile
from .mistakes import blocks_in


def agent_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an agent definition."""
    schema = AgentFile.model_json_schema(by_alias=True, mode="validation")
    blocks: set[type[BaseModel]] = set()
    _collect(AgentFile, blocks)
    for block in blocks:
        place = schema if block is AgentFile else schema["$defs"].get(block.__name__, {})
        for key, text in descriptions(block).items():
            place.get("properties", {}).get(key, {}).setdefault("description", text)
    return {
        **schema,
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Agent definition",
        "description": "An agent: <name>/<name>.yaml. The agent is named after its directory.",
    }


def descriptions(block: type[BaseModel]) -> dict[str, str]:
    """Key -> the sentence that stands below it in the code.

    Read when it is asked for: pydantic's own way costs every start of the program.
    """
    body = ast.parse(textwrap.dedent(inspect.getsource(block))).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    texts: dict[str, str] = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        info = block.model_fields.get(field.target.id)
        if info is None or not isinstance(below, ast.Expr) or not isinstance(below.value, ast.Constant):
            continue
        texts[info.alias or field.target.id] = inspect.cleandoc(str(below.value.value))
    return texts


def _collect(block: type[BaseModel], found: set[type[BaseModel]]) -> None:
    if block in found:
        return
    found.add(block)
    for info in block.model_fields.values():
        for inner in blocks_in(info.annotation):
            _collect(inner, found)

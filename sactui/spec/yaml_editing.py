"""Changing single keys of a YAML file that a person wrote: comments and everything else stay.

Only top-level keys, which is what settings and migrations of definitions need.
"""

from __future__ import annotations

import re
import textwrap
from typing import Any

import yaml

from ..errors import DefinitionError


def set_key(text: str, key: str, value: Any, comment: str = "") -> str:
    """``text`` with ``key: value`` at the top level.

    A key that is there has its value replaced in place; a comment behind a plain value
    stays. A new key goes to the end, below ``comment``; the same key that stands there as
    a comment (``# key: ...``) is replaced. Raises DefinitionError when ``text`` is no mapping.
    """
    span = _span(text, key)
    if span is None:
        return _append(text, key, value, comment)
    start, end = span
    written = _written(key, value)
    rest = text[end:]
    if "\n" in written and not rest.startswith("\n"):
        # What followed a plain value on its line, a comment, cannot follow a block.
        line, newline, more = rest.partition("\n")
        rest = f"{newline}{more}" if not line.strip() else f"\n{line.strip()}{newline}{more}"
    return text[:start] + written + rest


def _span(text: str, key: str) -> tuple[int, int] | None:
    """Where ``key: value`` begins and ends, as offsets."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise DefinitionError(f"the file is not YAML: {error}", "mend it by hand first") from error
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise DefinitionError(
            "the file is not a mapping of 'key: value' lines", "write it in that form first"
        )
    for name, node in root.value:
        if isinstance(name, yaml.ScalarNode) and name.value == key:
            return name.start_mark.index, _end(node)
    return None


def _end(node: yaml.Node) -> int:
    """Where a node's own text ends: a block's end mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return node.end_mark.index - 1
    return node.end_mark.index


def _append(text: str, key: str, value: Any, comment: str) -> str:
    written = _written(key, value)
    commented = re.compile(rf"^# ?{re.escape(key)}:.*$", re.MULTILINE)
    if commented.search(text):
        return commented.sub(lambda _: written, text, count=1)
    lines = [f"# {line}" for line in textwrap.wrap(comment, 90)]
    head = text if not text or text.endswith("\n") else text + "\n"
    gap = "\n" if head.strip() else ""
    return head + gap + "".join(f"{line}\n" for line in lines) + written + "\n"


def _written(key: str, value: Any) -> str:
    """``key: value`` as YAML without a newline at its end; short lists in one line."""
    flow = isinstance(value, list) and all(isinstance(item, str | int | float) for item in value)
    style = None if flow and len(str(value)) <= 80 else False
    dumped = yaml.safe_dump(
        {key: value}, default_flow_style=style, allow_unicode=True, sort_keys=False, width=10_000
    )
    return str(dumped).rstrip("\n")

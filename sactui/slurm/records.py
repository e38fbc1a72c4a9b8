"""Records between random tokens.

A job name may hold any character, line breaks and any fixed separator included, and can
forge a whole record. So fields and records end in tokens that are random per call:
text that was written before the call cannot contain them.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from ..domain.text import decode, visible

_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9]{7,40}")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The separator after each field but the last, and the end of a record.

    Letters and digits only, a letter first: Slurm reads digits after ``:`` as a width,
    and ``,``, ``%`` and ``:`` belong to its formats.
    """

    field: str
    end: str

    def __post_init__(self) -> None:
        if not (_TOKEN.fullmatch(self.field) and _TOKEN.fullmatch(self.end)) or self.field == self.end:
            raise ValueError("tokens are two different words of 8 or more letters and digits")
        if self.field in self.end or self.end in self.field:
            raise ValueError("one token is part of the other")


def fresh() -> Tokens:
    """Tokens for one call."""
    return Tokens("zF" + secrets.token_hex(8), "zE" + secrets.token_hex(8))


@dataclass(frozen=True, slots=True)
class RecordError:
    """A record that does not have its form. It must be read again, field by field where
    the job is known; nothing was taken from it."""

    why: str
    job_id: int | None = None
    text: str = ""  # its beginning, made visible


def split(data: bytes, tokens: Tokens, fields: int) -> tuple[list[list[str]], list[RecordError]]:
    """Cut an answer into records of ``fields`` fields, and name what is none.

    A record that was cut short has no end token and is never returned.
    """
    *chunks, rest = decode(data).split(tokens.end)
    rows: list[list[str]] = []
    errors: list[RecordError] = []
    for index, chunk in enumerate(chunks):
        if index:
            # The end token is followed by the line break that Slurm itself prints.
            bare = chunk[2:] if chunk.startswith("\r\n") else chunk[1:] if chunk.startswith("\n") else None
            if bare is None:
                errors.append(_error("something stands between two records", chunk, tokens))
                continue
            chunk = bare
        row = chunk.split(tokens.field)
        if len(row) != fields:
            errors.append(_error(f"{len(row)} fields instead of {fields}", chunk, tokens))
            continue
        rows.append(row)
    if rest.strip("\r\n "):
        errors.append(_error("the answer ends in the middle of a record", rest.lstrip("\r\n"), tokens))
    return rows, errors


def _error(why: str, chunk: str, tokens: Tokens) -> RecordError:
    first, found, _ = chunk.partition(tokens.field)
    job_id = int(first) if found and re.fullmatch(r"[0-9]{1,10}", first) else None
    return RecordError(why, job_id, visible(chunk[:120]))

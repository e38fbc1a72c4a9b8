"""Records between random tokens.

A job name may hold any character, line breaks and any fixed separator included, and can
forge a whole record. So fields and records end in tokens that are random per call:
text that was written before the call cannot contain them.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass

from ..domain.text import decode, visible

_LETTERS = string.ascii_letters + string.digits
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
    return Tokens("F" + _word(), "E" + _word())


def _word() -> str:
    # 47 bits: short, because it is printed behind every field of every job.
    return "".join(secrets.choice(_LETTERS) for _ in range(8))


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
    field = tokens.field.encode()
    chunks, errors = cut(data, tokens.end.encode(), field)
    rows: list[list[str]] = []
    for chunk in chunks:
        row = decode(chunk).split(tokens.field)
        if len(row) == fields:
            rows.append(row)
        else:
            errors.append(misfit(chunk, field, fields))
    return rows, errors


def cut(data: bytes, end: bytes, field: bytes, *, id_at: int = 0) -> tuple[list[bytes], list[RecordError]]:
    """Cut an answer into the bytes of its records, and name what is none.

    ``id_at`` is the index of the field with the job's id, for the errors.
    """
    # An end token is followed by the line break that Slurm itself prints.
    *chunks, rest = data.split(end + b"\n")
    errors: list[RecordError] = []
    if data.count(end) != len(chunks):
        # Other line breaks, or something between the records.
        first, *others, rest = data.split(end)
        chunks = [first]
        for chunk in others:
            if chunk.startswith((b"\r\n", b"\n")):
                chunks.append(chunk.removeprefix(b"\r").removeprefix(b"\n"))
            else:
                errors.append(_error("something stands between two records", chunk, field, id_at))
    if rest.strip(b"\r\n "):
        why = "the answer ends in the middle of a record"
        errors.append(_error(why, rest.lstrip(b"\r\n"), field, id_at))
    return chunks, errors


def misfit(chunk: bytes, field: bytes, fields: int, *, id_at: int = 0) -> RecordError:
    """The error of a record that has not ``fields`` fields."""
    return _error(f"{chunk.count(field) + 1} fields instead of {fields}", chunk, field, id_at)


def _error(why: str, chunk: bytes, field: bytes, id_at: int) -> RecordError:
    parts = chunk.split(field, id_at + 1)
    given = parts[id_at] if len(parts) > id_at + 1 else b""
    job_id = int(given) if re.fullmatch(rb"[0-9]{1,10}", given) else None
    return RecordError(why, job_id, visible(decode(chunk[:120])))

"""JSON files that several programs write: whole or not at all, one writer at a time.

All functions block; a lock is waited for at most :data:`LOCK_TIMEOUT` seconds.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..domain.fleet import Problem
from ..errors import LeaseError

#: Seconds to wait for another writer.
LOCK_TIMEOUT = 5.0

#: No file of these directories is larger; bytes.
SIZE_LIMIT = 1024 * 1024

_POLL = 0.01
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]*")


class UnusableFileError(LeaseError):
    """A file that is there and cannot be used; ``problem`` says where and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.where}: {problem.what}", problem.remedy)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Record:
    """A file's mapping, and its text for finding lines in it."""

    path: Path
    data: dict[str, Any]
    text: str

    def unusable(self, key: str, what: str, kind: str = "lease") -> UnusableFileError:
        """The error for a wrong value, at the line of its key."""
        found = re.search(rf'"{re.escape(key)}"\s*:', self.text)
        offset = found.start() if found else 0
        line = self.text.count("\n", 0, offset) + 1
        column = offset - self.text.rfind("\n", 0, offset)
        where = f"{self.path}:{line}:{column}"
        return UnusableFileError(Problem(kind, where, what, "mend the file, or move it away"))

    def string(self, key: str, kind: str = "lease", *, default: str | None = None) -> str:
        """The text under ``key``. Raises UnusableFileError; without ``default`` it must be there."""
        value = self.data.get(key, default)
        if value is None:
            raise self.unusable(key, f"{key} is missing", kind)
        if not isinstance(value, str):
            raise self.unusable(key, f"{key} must be text", kind)
        return value


def file_of(directory: Path, name: str) -> Path:
    """``<directory>/<name>.json``. Raises LeaseError for a name that leads elsewhere."""
    if not _NAME.fullmatch(name):
        raise LeaseError(
            f"{name!r} cannot be the name of a file", "use letters, digits, and . _ - inside the name"
        )
    return directory / f"{name}.json"


def list_files(directory: Path, kind: str = "lease") -> tuple[list[Path], list[Problem]]:
    """The JSON files of a directory, sorted. A directory that is not there is empty."""
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError as error:
        what = f"cannot be listed: {error.strerror or error}"
        return [], [Problem(kind, str(directory), what, "check its permissions")]
    return [directory / one for one in names if one.endswith(".json")], []


def read(path: Path, kind: str = "lease") -> Record | None:
    """One file, or ``None`` if it is not there. Raises UnusableFileError."""
    try:
        # Without O_NONBLOCK a named pipe would hold the console for ever.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as stream:
            raw = stream.read(SIZE_LIMIT + 1) or b""
    except FileNotFoundError:
        return None
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise UnusableFileError(Problem(kind, f"{path}:1:1", what, "check its permissions")) from error
    return _parse(path, raw, kind)


def _parse(path: Path, raw: bytes, kind: str) -> Record:
    remedy = "mend the file, or move it away"
    where = f"{path}:1:1"
    if len(raw) > SIZE_LIMIT:
        raise UnusableFileError(Problem(kind, where, f"is larger than {SIZE_LIMIT // 1024} KiB", remedy))
    try:
        text = raw.decode("utf-8")
        data = json.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        where = f"{path}:{line}:{column}"
        raise UnusableFileError(Problem(kind, where, "is not UTF-8", remedy)) from None
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}:{error.colno}"
        what = "is empty" if not raw.strip() else f"is not JSON: {error.msg}"
        raise UnusableFileError(Problem(kind, where, what, remedy)) from None
    except (RecursionError, ValueError):
        raise UnusableFileError(Problem(kind, where, "is not JSON that can be read", remedy)) from None
    if not isinstance(data, dict):
        raise UnusableFileError(Problem(kind, where, "is not a JSON object", remedy))
    return Record(path, data, text)


@contextlib.contextmanager
def locked(directory: Path, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Be the only writer in ``directory`` (created if needed) within the block.

    The lock belongs to this call: other processes, other threads and other calls wait, up
    to ``timeout`` seconds. The kernel frees it when its holder dies. Raises LeaseError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Not *.json: the directory's readers must not take it for a record.
        descriptor = os.open(directory / ".sactui.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        message = f"{directory}: cannot be written: {error.strerror or error}"
        raise LeaseError(message, "check its permissions") from error
    try:
        _acquire(descriptor, directory, timeout)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, directory: Path, timeout: float) -> None:
    # Not the house clock: a test that holds it still must not wait for ever.
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                message = f"{directory}: its file system has no locks: {error.strerror or error}"
                raise LeaseError(message, "name a directory on a local disk") from error
            if time.monotonic() >= deadline:
                message = f"{directory}: another program has been writing there for {timeout:g} s"
                raise LeaseError(message, "try again; end the other program if it hangs") from None
            time.sleep(_POLL)
        else:
            return


def write(path: Path, data: Mapping[str, Any], *, sort_keys: bool) -> None:
    """Replace ``path`` by ``data`` at once, mode 0600; a reader sees the old or the new file.

    The caller holds the lock. Raises LeaseError, and then the old file is as it was.
    """
    # A link stays a link, for people who keep these files elsewhere.
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        text = json.dumps(data, indent=2, sort_keys=sort_keys)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_directory(target.parent)
    except OSError as error:
        raise LeaseError(
            f"{path}: cannot be written: {error.strerror or error}", "check space and permissions"
        ) from error
    except (TypeError, ValueError) as error:
        raise LeaseError(f"{path}: cannot be written as JSON: {error}") from error


def delete(path: Path) -> bool:
    """Remove a file; False when it was not there. The caller holds the lock."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LeaseError(
            f"{path}: cannot be removed: {error.strerror or error}", "check its permissions"
        ) from error
    _sync_directory(path.parent)
    return True


def _sync_directory(directory: Path) -> None:
    # Without it a power cut may bring the old directory entry back.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot; the data itself is written.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EIO):
            raise
    finally:
        os.close(descriptor)

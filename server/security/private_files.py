"""Files and directories that nobody but their owner may open: mode 0600 and 0700, or refused.

What is wrong is never repaired in silence: a secret that others could have read is no secret.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from server.errors import NotPrivateError

_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600
_MAXIMUM_FILE_BYTES = 1 << 20  # a list of ten thousand keys


def make_private_directory(directory: Path) -> None:
    """Create the directory with mode 0700, or check that it is ours and closed to others."""
    try:
        directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise NotPrivateError(f"directory {directory}: {error.strerror}") from error
    check_private_directory(directory)


def check_private_directory(directory: Path) -> None:
    """Raise ``NotPrivateError`` unless the directory is ours and has mode 0700."""
    try:
        status = directory.lstat()
    except OSError as error:
        raise NotPrivateError(f"directory {directory}: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise NotPrivateError(f"{directory} is not a directory of its own (a link?)")
    _check_owner_and_mode(status, _DIRECTORY_MODE, f"directory {directory}", directory)


def read_private(path: Path) -> str:
    """Return a file's text; raises ``NotPrivateError`` unless it is ours and has mode 0600.

    ``FileNotFoundError`` passes through. Links are not followed, and what is checked is what is
    read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotPrivateError(f"{path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotPrivateError(f"{path} is not a regular file")
        _check_owner_and_mode(status, _FILE_MODE, str(path), path)
        return os.read(descriptor, _MAXIMUM_FILE_BYTES).decode(errors="replace")
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 whole or not at all; what was there is replaced."""
    draft = _write_draft(path, text)
    draft.replace(path)


def create_private(path: Path, text: str) -> None:
    """Write a file that is not there yet; ``FileExistsError`` leaves the old one as it is."""
    draft = _write_draft(path, text)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()


def _write_draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, _FILE_MODE)  # whatever the umask took away
            file.write(text)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        draft.unlink()
        raise
    return draft


def _check_owner_and_mode(status: os.stat_result, allowed: int, what: str, path: Path) -> None:
    if status.st_uid != os.getuid():
        raise NotPrivateError(f"{what} belongs to another user")
    mode = stat.S_IMODE(status.st_mode)
    if mode != allowed:
        raise NotPrivateError(f"{what} has mode {mode:04o}: {allowed:04o} needed; {_advice(path)}")


def _advice(path: Path) -> str:
    if path.is_dir():
        return "chmod 700 it"
    return "others may have read it: make new keys, or chmod 600 it if you know that nobody did"

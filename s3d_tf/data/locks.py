"""Which process writes which shards: locks that end with the process, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not POSIX
    fcntl = None


@contextlib.contextmanager
def hold(path: Path, start: int, count: int, wait: bool = False) -> Iterator[bool]:
    """Locks the bytes `start` to `start + count` of a file, one a shard; over NFS too.

    Args:
        path: made when missing, and left behind empty.
        wait: until whoever holds one of them lets go.

    Yields:
        Whether they are locked; False when another process holds some of them. Where the system knows no such locks a
        warning is given, and True.
    """
    if fcntl is None or count == 0:
        yield True
        return
    with path.open("ab") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), count, start, os.SEEK_SET)
            locked = True
        except OSError as error:
            locked = error.errno not in (errno.EACCES, errno.EAGAIN)
            if locked:
                warnings.warn(f"No locks in {path.parent} ({error}): start only one preparation there.", stacklevel=2)
        yield locked

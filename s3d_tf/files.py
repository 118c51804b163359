"""Files that are never seen half-written: a temporary name, then a rename."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def temporary_name(path: Path) -> Path:
    """A name beside a file that no other process has, on any machine that shares the folder."""
    return path.with_name(f"{path.name}.tmp-{os.getpid()}-{secrets.token_hex(4)}")


def write_bytes(path: Path, content: bytes) -> None:
    """Writes bytes under a temporary name, then renames it."""
    temporary = temporary_name(path)
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:  # a full disk, for one
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text, likewise."""
    write_bytes(path, text.encode())


def write_csv(path: Path, rows: Iterable[Sequence]) -> None:
    """Writes rows as CSV, likewise; names of files that are no UTF-8 keep their bytes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_bytes(path, text.getvalue().encode(errors="surrogateescape"))


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON, likewise."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        ValueError: no such file, or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"Cannot read {path}: {error}") from None

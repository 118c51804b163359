"""Reads the official lists: text, CSV and JSON, whose bad lines are all named."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MAX_BYTES = 1 << 29
"""No official list comes near half a gigabyte."""


class BadLines:
    """Gathers the lines of a file that make no sense, so that one error names them all."""

    def __init__(self, path: Path, rule: str, unit: str = "Line"):
        self._path, self._rule, self._unit = path, rule, unit
        self._numbers: list[int] = []
        self._received = ""

    def add(self, number: int, received: Any) -> None:
        if not self._numbers:
            self._received = f"{received!r:.200}"
        self._numbers.append(number)

    def check(self) -> None:
        """
        Raises:
            ValueError: there was a bad line.
        """
        if not self._numbers:
            return
        named = ", ".join(map(str, self._numbers[:20]))
        more = f" ({len(self._numbers)} in all)" if len(self._numbers) > 20 else ""
        raise ValueError(f"{self._unit} {named}{more} of {self._path} must be {self._rule}. Received: {self._received}")


def read_text(path: Path, max_bytes: int = MAX_BYTES) -> str:
    """A UTF-8 file, a byte order mark allowed.

    Raises:
        ValueError: it cannot be read, is no UTF-8, or has more than `max_bytes`.
    """
    try:
        if (size := path.stat().st_size) > max_bytes:
            raise ValueError(f"This is too large for a list: {path} may have {max_bytes} bytes. Received: {size} bytes")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"The list cannot be read: {error}. Received: {path}") from None


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Number (from 1) and text of each line that is not empty, without the spaces around it."""
    lines = enumerate(read_text(path).split("\n"), 1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def iter_csv(path: Path, delimiter: str = ",", quoted: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Line number and stripped cells of each row that is not empty, row by row.

    Raises:
        ValueError: the file cannot be read or is no CSV, with the line number.
    """
    number = 0
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ValueError(f"This is too large for a list: {path} may have {MAX_BYTES} bytes. Received: {size} bytes")
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=delimiter, quoting=quoting)
            for row in reader:
                number = reader.line_num
                if row:
                    yield number, [cell.strip() for cell in row]
    except csv.Error as error:
        raise ValueError(f"Line {number + 1} of the CSV cannot be read: {error}. Received: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"The CSV cannot be read: {error}. Received: {path}") from None


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        ValueError: no such file, too large, no JSON, with the line number, or a key twice in an object, of which one
            value would be lost.
    """

    def whole(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
            raise ValueError(f"{path} must name each key of an object once. Received: {twice!r:.100} twice")
        return found

    try:
        return json.loads(read_text(path), object_pairs_hook=whole)
    except json.JSONDecodeError as error:
        raise ValueError(f"This is no JSON: {error}. Received: {path}") from None
    except RecursionError:
        raise ValueError(f"This JSON is nested too deeply for a list. Received: {path}") from None


def is_file_name(text: Any) -> bool:
    """Whether a text from a list may be used as the name of one file or folder."""
    return (
        isinstance(text, str)
        and text.isprintable()
        and text not in ("", ".", "..")
        and "/" not in text
        and "\\" not in text
    )

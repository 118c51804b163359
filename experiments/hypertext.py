"""Pieces of a page of HTML that needs nothing else: escaped text, our own Markdown, pictures."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

LARGEST_SVG = 400_000  # bytes; the PNG is taken beyond
LONGEST = 16  # rows; longer tables are folded
_NO_BREAK = str.maketrans("-", "\N{NON-BREAKING HYPHEN}")  # of heads such as top-1
_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}


def text(value: object) -> str:
    """Text, escaped."""
    return html.escape(str(value))


def inline(value: str) -> str:
    """A line of Markdown: **bold** and `code`; all else is text."""
    bold = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text(value))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", bold)


def markdown(source: str) -> str:
    """Tables as `tables.markdown` writes them, and paragraphs; the heading is left out."""
    blocks = (block.strip().splitlines() for block in re.split(r"\n\s*\n", source))
    return "\n".join(_block(lines) for lines in blocks if lines and not lines[0].startswith("# "))


def _block(lines: list[str]) -> str:
    if len(lines) < 2 or not all(line.startswith("|") for line in lines) or set(lines[1]) - set("|-: "):
        return f"<p>{inline(' '.join(lines))}</p>"
    heads, _, *rows = ([cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines)
    heads = [inline(cell.translate(_NO_BREAK)) for cell in heads]
    found = table(heads, [[inline(cell) for cell in row] for row in rows])
    return found if len(rows) <= LONGEST else f"<details><summary>Table of {len(rows)} rows</summary>{found}</details>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "wide") -> str:
    """Cells are HTML; columns that hold numbers alone stand to the right.

    Args:
        heads, rows: of cells.
        kind: class of the style: "wide" is scrolled on a narrow page, "stack" has its cells below each other there.
    """
    rows = [[*row, *[""] * (len(heads) - len(row))] for row in rows]
    numeric = {column for column in range(len(heads)) if all(_is_number(row[column]) for row in rows)}

    def line(cells: Sequence[str], tag: str) -> str:
        marked = ((' class="number"' if column in numeric else "", cell) for column, cell in enumerate(cells))
        return "<tr>" + "".join(f"<{tag}{mark}>{cell}</{tag}>" for mark, cell in marked) + "</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    head = line(heads, "th")
    return f'<div class="{kind}"><table><thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table></div>'


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+–]?[\d.]*( ± [\d.]+)?", cell))


def picture(paths: Sequence[Path], title: str) -> str:
    """One figure inside the page.

    Args:
        paths: of the same figure, SVG or PNG; SVG is taken if it is small enough.
        title: that stands for it where it can't be seen.
    """
    small = [path for path in paths if path.suffix == ".svg" and path.stat().st_size <= LARGEST_SVG]
    path = next(iter(small), next((path for path in paths if path.suffix == ".png"), paths[0]))
    content = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{text(title)}" src="data:{_TYPES[path.suffix]};base64,{content}">'


def page(title: str, style: str, body: str) -> str:
    """A whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )

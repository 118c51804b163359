"""Markdown tables: the paper's number beside ours."""

from __future__ import annotations

from collections.abc import Sequence

NONE = "–"


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers; a column of dashes alone is left out.

    Raises:
        ValueError: a row is not as long as the heads.
    """
    if wrong := [row for row in rows if len(row) != len(heads)]:
        raise ValueError(f"Every row must have {len(heads)} cells. Received: {wrong[0]}")
    kept = [column for column in range(len(heads)) if not rows or any(row[column] != NONE for row in rows)]
    lines = [list(heads), ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "".join("| " + " | ".join(line[column] for column in kept) + " |\n" for line in lines)


def percent(found: dict | None) -> str:
    """What `spread.spread` gives of shares, as "98.1 ± 0.4"; without ± of a single value."""
    if found is None:
        return NONE
    deviation = f" ± {found['deviation'] * 100:.1f}" if found["deviation"] is not None else ""
    return f"{found['mean'] * 100:.1f}{deviation}"


def number(value: float | None, digits: int = 1) -> str:
    """A number of the paper's, or a dash."""
    return NONE if value is None else f"{value:.{digits}f}"


def page(result: dict, tables: str, notes: Sequence[str] = (), over: str = "") -> bytes:
    """A table with its title, and below it what the numbers are and are not.

    Args:
        result: of `result.json`.
        tables: Markdown.
        notes: paragraphs.
        over: what was trained for each number, and what means are over; the seeds by default.
    """
    scale = result["scale"]
    seeds = len(scale["seeds"])
    over = over or f"{seeds} seed{'s' * (seeds > 1)}"
    paragraphs = [f"# {result['title']}", tables.rstrip()]
    if scale["dry_run"]:
        paragraphs.append("**A dry run: two steps on fixtures; our numbers mean nothing.**")
    elif scale["name"] == "mini":
        paragraphs.append(
            f"Ours: the embedded sets, networks of a quarter of the width, {over}. They show "
            "whether the mechanism is reproduced, not what the networks reach on the paper's data."
        )
    if "±" in tables:
        paragraphs.append(f"Ours: mean ± standard deviation over {over}, per cent.")
    return ("\n\n".join([*paragraphs, *notes]) + "\n").encode()

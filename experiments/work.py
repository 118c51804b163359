"""What experiments have to do: parts to measure, and what is derived from them, each once and under one bar."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from . import provenance
from .derivation import Derivation, derive
from .detection_part import DetectionPart
from .part import FORWARDS, Part
from .two_stream import TwoStream

Measured = Part | TwoStream | DetectionPart


class Entry(NamedTuple):
    """A line of `metrics.jsonl`: a part and what the experiment calls it.

    Attributes:
        data: name of the data set.
        name: of the network in this experiment; seeds of one network share it.
        part: see `Part`, `TwoStream`, `DetectionPart`.
        directions: in which its videos are shown.
        about: what else the line says.
        derivations: what is computed from the trained part, see `Derivation`.
    """

    data: str
    name: str
    part: Measured
    directions: tuple[str, ...] = (FORWARDS,)
    about: Mapping[str, Any] = {}
    derivations: tuple[Derivation, ...] = ()


class Shared(NamedTuple):
    """What all experiments of one scale have in common."""

    folder: Path

    @property
    def parts(self) -> Path:
        """A folder a part."""
        return self.folder / "parts"

    @property
    def data(self) -> Path:
        """The embedded sets."""
        return self.folder / "data"

    @property
    def costs(self) -> Path:
        """What was counted of full-size networks."""
        return self.folder / "costs.json"


class Work:
    """All that some entries ask for, under a bar that shows the time left; what is done already is left as it is.

    Args:
        title: of the bar.
        entries: of one experiment or of several. A part is measured in all directions that any of them asks for.
        shared: where it is kept.
        call: `Children().call`, or `children.in_this_process`.
    """

    def __init__(self, title: str, entries: Iterable[Entry], shared: Shared, call: Callable):
        self._shared, self._call = shared, call
        self._directions, derived = in_order(entries), self._derived(entries)
        done = sum(part.is_done(shared.parts, directions) for part, directions in self._directions.items())
        self._bar = tqdm(
            total=len(self._directions) + len(derived),
            initial=done + sum(path.exists() for path in derived),
            unit="part",
            desc=title,
            mininterval=1 if sys.stderr.isatty() else 30,
            smoothing=0,  # the time left by the mean of all parts
        )

    def __enter__(self) -> Work:
        return self

    def __exit__(self, *_) -> None:
        self._bar.close()

    def do(self, entries: Iterable[Entry]) -> None:
        """Measures the parts of some of the entries, then derives from them.

        Raises:
            OSError: a part failed; its name and its log are told.
        """
        for part in in_order(entries):
            directions = self._directions[part]
            if not part.is_done(self._shared.parts, directions):
                began = time.monotonic()
                self._run(part.key, part, part.measure, self._shared.parts, directions)
                provenance.keep(part.folder(self._shared.parts), time.monotonic() - began)
        for path, (derivation, part) in self._derived(entries).items():
            if not path.exists():
                self._run(f"{derivation.name} of {part.key}", part, derive, derivation, part, self._shared.parts)

    def _derived(self, entries: Iterable[Entry]) -> dict[Path, tuple[Derivation, Measured]]:
        """Each once, by its file."""
        pairs = [(each, entry.part) for entry in entries for each in entry.derivations]
        return {each.path(part.folder(self._shared.parts)): (each, part) for each, part in pairs}

    def _run(self, name: str, part: Measured, function: Callable, *arguments: Any) -> None:
        self._bar.set_postfix_str(name)
        log = part.folder(self._shared.parts) / "log.txt"
        self._call(name, log, self._ticking(), function, *arguments)
        self._bar.update()

    def _ticking(self) -> Callable[[], None]:
        """Shows the bar anew, at most every `mininterval` seconds, so that the time goes on."""
        last = time.monotonic()

        def tick() -> None:
            nonlocal last
            if time.monotonic() - last >= self._bar.mininterval:
                last = time.monotonic()
                self._bar.refresh()

        return tick


def in_order(entries: Iterable[Entry]) -> dict[Measured, tuple[str, ...]]:
    """Each part once with all its directions, after those that it needs."""
    found: dict[Measured, tuple[str, ...]] = {}

    def add(part: Measured, directions: tuple[str, ...]) -> None:
        for other in part.needs:
            add(other, ())
        found[part] = tuple(dict.fromkeys((*found.get(part, ()), *directions)))

    for entry in entries:
        add(entry.part, entry.directions)
    return found

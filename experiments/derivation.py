"""What an experiment computes from a trained part, besides its evaluation; kept in the part's folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from s3d_tf.files import write_json

from .part import Part


class Derivation(NamedTuple):
    """Numbers that follow from a trained part and some settings.

    Attributes:
        name: in the line of `metrics.jsonl`, and of the file.
        function: of a module: the part, the path of the file, and the settings by name -> what the file holds. What
            it keeps beside the file takes its name.
        settings: for JSON; other settings give another file.
    """

    name: str
    function: Callable[..., dict]
    settings: Mapping[str, Any] = {}

    def path(self, folder: Path) -> Path:
        """Its file in the part's folder; it is there when it is done."""
        digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:8]
        return folder / f"{self.name}-{digest}.json"


def derive(derivation: Derivation, part: Part, parts_dir: Path) -> None:
    """Computes it and writes its file.

    Raises:
        ValueError, OSError: as its function.
    """
    path = derivation.path(part.folder(parts_dir))
    write_json(path, derivation.function(part, path, **derivation.settings))

"""What a work_dir says of its run: `config.json`, all that is needed to build its network and to feed it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..data.split import Split
from ..files import read_json, write_json
from ..weights import Preprocessing
from .recipes import Recipe

CONFIG = "config.json"


class Run(NamedTuple):
    """The configuration of a run."""

    recipe: Any  # a Recipe; of another kind of network, another dataclass
    model: Mapping[str, Any]  # arguments of build_model, or of what builds the other
    preprocessing: Preprocessing  # its labels are the classes
    data: str  # what it is trained on: name, number and checksum of the videos


def has_run(work_dir: Path) -> bool:
    """Whether a run was begun there."""
    return (work_dir / CONFIG).exists()


def check_run(work_dir: Path, run: Run) -> bool:
    """Whether the work_dir holds this run already, maybe of fewer steps; another one is refused.

    Raises:
        ValueError: with the fields that differ.
    """
    if not has_run(work_dir):
        return False
    before, now = _flat(read_run(work_dir, type(run.recipe))), _flat(run)
    longer = now["steps"] >= before["steps"]
    differing = [key for key in now if before[key] != now[key] and not (key == "steps" and longer)]
    if len(differing) > 1:  # a field of the recipe says it better than all that follows from it
        differing = [key for key in differing if key not in ("model", "preprocessing")] or differing
    if differing:
        told = "; ".join(f"{key} {before[key]!r}, now {now[key]!r}" for key in differing)
        told += " (steps can only be raised)" if "steps" in differing else ""
        raise ValueError(
            f"{work_dir} holds a run of another configuration: {told[:800]}. Name another work_dir, or delete this one."
        )
    return True


def write_run(work_dir: Path, run: Run, details: Mapping) -> None:
    """Writes the configuration of a run, and beside it details that do not decide what it computes."""
    work_dir.mkdir(parents=True, exist_ok=True)
    fields = dict(
        recipe=dataclasses.asdict(run.recipe),
        model=run.model,
        preprocessing=run.preprocessing.to_json(),
        data=run.data,
    )
    write_json(work_dir / CONFIG, fields | details)


def read_run(work_dir: Path, recipe: type = Recipe) -> Run:
    """The run that a work_dir holds.

    Args:
        recipe: the class of its recipe.

    Raises:
        ValueError: it holds none of that kind.
    """
    path = work_dir / CONFIG
    if not path.exists():
        raise ValueError(f"No training run: {path} is missing; name the work_dir of a training.")
    config = read_json(path)
    fields = config.get("recipe") if isinstance(config, dict) else None
    if isinstance(fields, dict) and (unknown := sorted({*fields} - {each.name for each in dataclasses.fields(recipe)})):
        raise ValueError(f"This is no run of a {recipe.kind} of this version: its {unknown[0]}. Received: {work_dir}")
    try:
        fields = {key: tuple(v) if isinstance(v, list) else v for key, v in config["recipe"].items()}
        preprocessing = Preprocessing.from_json(config["preprocessing"])
        return Run(recipe(**fields), config["model"], preprocessing, config["data"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no configuration of a training run of this version: {error}") from None


def describe_split(split: Split) -> str:
    """Name, number and checksum of a split's videos."""
    digest = hashlib.sha256("\0".join(split.media_ids).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{split.dataset}, {split.num_videos} videos ({digest[:12]})"


def _flat(run: Run) -> dict:
    preprocessing = run.preprocessing.to_json()
    plain = dict(model=_plain(run.model), classes=preprocessing.pop("labels"), preprocessing=preprocessing)
    return {**dataclasses.asdict(run.recipe), **plain, "data": run.data}


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value

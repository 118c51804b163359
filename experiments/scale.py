"""What `--scale` means: on which data, by which recipe and with how many seeds an experiment is done."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from s3d_tf.detection.recipes import DetectionRecipe
from s3d_tf.detection.recipes import recipe as detector
from s3d_tf.training import devices
from s3d_tf.training.recipes import Recipe, recipe
from s3d_tf.training.sharing import share_out

from . import embedded, fixtures
from .detection_part import DetectionPart
from .part import Part

MINI, PAPER = "mini", "paper"
SEEDS = (0, 1, 2)
STEPS = {  # of a mini training; see `mini_recipe` and `mini_detection_recipe` for where the rate falls
    "motion": 200,
    "eight_motions": 300,
    "appearance": 400,
    "motion_flow": 240,
    **dict.fromkeys(("turns_1", "turns_2", "turns_3"), 60),
    "actors": 260,
}
SPLITS = {f"{name}_{number}": (name, number) for name in ("ucf101", "hmdb51", "jhmdb") for number in (1, 2, 3)}
"""Data sets whose official lists are several splits into train and test: key -> data set, number of the split."""
TITLES = {
    "motion": "embedded motion set, four directions",
    "eight_motions": "embedded motion set, eight motions",
    "appearance": "embedded appearance set",
    "motion_flow": "embedded motion set with flow",
    **{f"turns_{number}": f"embedded turns and zooms, split {number}" for number in (1, 2, 3)},
    "actors": "embedded detection set",
    "kinetics": "Kinetics-Full",
    "mini_kinetics": "Mini-Kinetics-200",
    "something_something": "Something-something",
    **{key: f"{name.upper()}, split {number}" for key, (name, number) in SPLITS.items()},
    "ucf101_24": "UCF-101-24",
}
TESTED = (*SPLITS, "ucf101_24")  # whose official lists name no "val"
WITH_BOXES = ("actors", "ucf101_24", *(key for key, (name, _) in SPLITS.items() if name == "jhmdb"))


def set_of(key: str) -> str:
    """The data set of a split: ucf101 of ucf101_2, turns of turns_1; another key is its own."""
    return re.sub(r"_[123]$", "", key)


def title_of(data: str, titles: Mapping[str, str]) -> str:
    """Of a data set, without the number of a split."""
    return next(title for key, title in titles.items() if set_of(key) == data).partition(", split")[0]


class Data(NamedTuple):
    """A column of an experiment: which set it uses at each scale."""

    mini: str  # a key of `embedded.SETS`
    paper: str  # a recipe of the paper, of a classifier or a detector, or one of `SPLITS`


@dataclasses.dataclass(frozen=True)
class Scale:
    """How an experiment is done.

    Attributes:
        name: "mini" or "paper".
        records: name of each data set -> its prepared folder.
        recipes: name of each data set -> the recipe that every network is trained by.
        seeds: where two networks are compared.
        dry_run: two steps on fixtures; the numbers mean nothing.
        num_replicas: devices that share a batch; None for all.
        eval_batch: videos evaluated at once; None for one a replica.
        backbone_weights: that the proposals of detectors start from at the scale of the paper.
    """

    name: str
    records: Mapping[str, Path]
    recipes: Mapping[str, Recipe | DetectionRecipe]
    seeds: tuple[int, ...] = SEEDS
    dry_run: bool = False
    num_replicas: int | None = None
    eval_batch: int | None = None
    backbone_weights: str = ""

    def key(self, data: Data) -> str:
        """Which set a column uses here."""
        return data.mini if self.name == MINI else data.paper

    def part(self, data: Data, network: str, seed: int = 0, **changes) -> Part:
        """One network on one set by the set's recipe, of which `changes` sets other fields.

        Raises:
            ValueError: a value out of its range.
        """
        key = self.key(data)
        own = dataclasses.replace(self.recipes[key], network=network, seed=seed, **changes)
        return Part(own, self.records[key], eval_batch=self.eval_batch, **self._shown(key))

    def detection_part(
        self,
        data: Data,
        network: str,
        seed: int = 0,
        begins_from: tuple[Part, ...] = (),
        backbone: Part | None = None,
        **changes,
    ) -> DetectionPart:
        """One detector on one set with boxes, likewise; see `DetectionPart`.

        Raises:
            ValueError: a value out of its range.
        """
        key = self.key(data)
        own = dataclasses.replace(self.recipes[key], network=network, seed=seed, **changes)
        return DetectionPart(own, self.records[key], begins_from, backbone, **self._shown(key))

    def _shown(self, key: str) -> dict:
        return dict(num_replicas=self.num_replicas, split="test" if key in TESTED else "val")

    def describe(self) -> dict:
        """For `config.json`."""
        recipes = {key: dataclasses.asdict(value) for key, value in self.recipes.items()}
        records = {key: str(value) for key, value in self.records.items()}
        about = dict(name=self.name, dry_run=self.dry_run, seeds=list(self.seeds), num_replicas=self.num_replicas)
        return about | dict(records=records, recipes=recipes, titles={key: TITLES[key] for key in records})


def mini(keys: tuple[str, ...], data_dir: Path, seeds: tuple[int, ...], steps: int | None = None) -> Scale:
    """The embedded sets, drawn and prepared below `data_dir`, and networks of a quarter of the width.

    Args:
        keys: of `embedded.SETS`.
        data_dir: shared by all experiments.
        seeds: see `Scale`.
        steps: of every training instead of `STEPS`.
    """
    records = {key: embedded.prepared(embedded.SETS[key], key, data_dir) for key in keys}
    recipes = {key: (mini_detection_recipe if key in WITH_BOXES else mini_recipe)(steps or STEPS[key]) for key in keys}
    return Scale(MINI, records, recipes, seeds, num_replicas=None, eval_batch=50)


def mini_recipe(steps: int) -> Recipe:
    """The recipe of the embedded sets for a number of steps; evaluation sees all 20 frames of their videos."""
    falls = (steps * 7 // 10, steps * 9 // 10)
    kept = tuple(sorted({fall for fall in falls if fall > 0}))
    rates = recipe("embedded").learning_rates[: len(kept) + 1]
    return recipe("embedded", steps=steps, boundaries=kept, learning_rates=rates, eval_frames=20)


def mini_detection_recipe(steps: int) -> DetectionRecipe:
    """The recipe of the embedded detection set for a number of steps."""
    return detector("embedded_detection", steps=steps, boundaries=(steps * 3 // 4,))


def paper(
    keys: tuple[str, ...],
    data_dirs: Mapping[str, Path],
    seeds: tuple[int, ...],
    num_replicas: int | None = None,
    weights: str = "",
    backbone_weights: str = "",
) -> Scale:
    """The paper's recipes on prepared records.

    Args:
        keys: see `Data.paper`.
        data_dirs: name of each data set -> its records.
        seeds, num_replicas: see `Scale`.
        weights: that every network starts from, inflated where it has temporal convs (the paper: ImageNet); on the
            splits a network starts from one that was trained here.
        backbone_weights: see `Scale`.

    Raises:
        ValueError: the records of a set are not named, or its batch cannot be shared out among the devices.
    """
    if lacking := [key for key in keys if key not in data_dirs]:
        told = ", ".join(f"{key}={path}" for key, path in data_dirs.items()) or "none"
        raise ValueError(f"Name the records of {', '.join(lacking)}: --data_dirs={lacking[0]}=DIR. Received: {told}")
    start = dict(weights=weights, width=0.0) if weights else {}
    recipes = {key: _papers_recipe(key) if key in TESTED else recipe(key, **start) for key in keys}
    records = {key: data_dirs[key] for key in keys}
    _check_shares(recipes, num_replicas or devices.count())
    return Scale(PAPER, records, recipes, seeds, num_replicas=num_replicas, backbone_weights=backbone_weights)


def dry(name: str, keys: tuple[str, ...], data_dir: Path, num_replicas: int | None = None) -> Scale:
    """Every network that the scale builds, at its full width, two steps of it on fixtures: six videos of 40x40 pixels
    in the official layout at the scale of the paper, eight drawn ones at the mini scale.

    Raises:
        ValueError: the batch of a set cannot be shared out among the devices.
    """
    replicas = num_replicas or devices.count()
    tiny = dict(steps=2, boundaries=(), num_frames=8, batch_size=2 * replicas, clips_per_replica=2)
    clip, boxes = dict(eval_frames=12, crop=32), dict(rows=64, columns=64, proposals=20, proposal_sample=8)
    if name == PAPER:
        bases = {key: _papers_recipe(key) for key in keys}
        _check_shares(bases, replicas)
        records = {key: fixtures.fixture(key, *SPLITS.get(key, (key, 1)), data_dir) for key in keys}
    else:
        small = dict(num_train=8, num_val=8, num_frames=12)
        specs = {key: dataclasses.replace(embedded.SETS[key], **small) for key in keys}
        records = {key: embedded.prepared(spec, key, data_dir) for key, spec in specs.items()}
        bases = {key: (mini_detection_recipe if key in WITH_BOXES else mini_recipe)(STEPS[key]) for key in keys}
    recipes = {
        key: dataclasses.replace(
            base, **tiny, **(boxes if key in WITH_BOXES else clip), learning_rates=base.learning_rates[:1]
        )
        for key, base in bases.items()
    }
    return Scale(name, records, recipes, (0,), dry_run=True, num_replicas=num_replicas, eval_batch=2 * replicas)


def _check_shares(recipes: Mapping[str, Recipe | DetectionRecipe], replicas: int) -> None:
    """Now, and not after days of the trainings that come before."""
    for key, each in recipes.items():
        if not _is_shared_out(each, replicas):
            fit = [str(count) for count in range(1, each.batch_size + 1) if _is_shared_out(each, count)]
            raise ValueError(
                f"{TITLES[key]}: a step of {each.batch_size} clips can be shared out among {', '.join(fit)} devices "
                f"(--num_replicas). Received: {replicas}"
            )


def _is_shared_out(recipe: Recipe | DetectionRecipe, replicas: int) -> bool:
    try:
        share_out(recipe, replicas)
    except ValueError:
        return False
    return True


def _papers_recipe(key: str) -> Recipe | DetectionRecipe:
    """All splits of a data set have one recipe."""
    return (detector if key in WITH_BOXES else recipe)(SPLITS[key][0] if key in SPLITS else key)

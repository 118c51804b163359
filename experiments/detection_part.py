"""A detector as a part of an experiment: trained once, from other parts' networks, and measured in every frame.

Its folder is a work_dir of scripts/train_detector.py, with the files of scripts/evaluate_detector.py in it.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

from s3d_tf.analysis import detection_report
from s3d_tf.data.split import open_split
from s3d_tf.detection import run, start
from s3d_tf.detection.evaluate import evaluate
from s3d_tf.detection.recipes import DetectionRecipe
from s3d_tf.files import read_json
from s3d_tf.training import devices
from s3d_tf.training.stopping import StoppedError

from .part import FORWARDS, Part, called, fingerprint, is_trained, trained

_WEIGHTS = {"rgb": "weights", "flow": "flow_weights"}  # fields of the recipe


@dataclasses.dataclass(frozen=True)
class DetectionPart:
    """What an experiment measures as it measures a `Part`.

    Attributes:
        recipe: its weights stay empty with `begins_from`.
        records: a folder that preparation has written, with boxes.
        begins_from: the parts whose networks the recipe's streams start from, in their order; empty for none.
        backbone: the part whose network the proposals' backbone starts from.
        num_replicas, split: as of a `Part`.

    Raises:
        ValueError: parts of other streams than the recipe's.
    """

    recipe: DetectionRecipe
    records: Path
    begins_from: tuple[Part, ...] = ()
    backbone: Part | None = None
    num_replicas: int | None = None
    split: str = "val"

    told: ClassVar = (
        *("frame_map", "video_map", "errors", "found", "named", "classes"),
        *("frames", "videos", "true_boxes", "true_tubes", "least_score"),
    )

    def __post_init__(self):
        given = tuple(part.recipe.stream for part in self.begins_from)
        if given not in ((), self.recipe.streams):
            raise ValueError(f"A part for each of the streams {self.recipe.streams}, in order. Received: {given}")

    @property
    def needs(self) -> tuple[Part, ...]:
        """The parts that must be trained before it."""
        return (*self.begins_from, *((self.backbone,) if self.backbone else ()))

    @property
    def key(self) -> str:
        """The name of its folder: network, data, streams, seed, and a hash of everything that decides the numbers."""
        recipe = self.recipe
        begins = [part.key for part in self.begins_from]
        decides = dict(recipe=dataclasses.asdict(recipe), data=fingerprint(self.records), begins_from=begins)
        decides["backbone"] = self.backbone.key if self.backbone else None
        words = ["detector", recipe.network, *recipe.network_changes, self.records.name, f"{recipe.steps}steps"]
        return called([*words, *recipe.streams, f"seed{recipe.seed}"], decides)

    def folder(self, parts_dir: Path) -> Path:
        """Where it is kept among all parts."""
        return parts_dir / self.key

    def evaluation(self, parts_dir: Path) -> Path:
        """Where its measures are kept."""
        return self.folder(parts_dir) / f"detection_{self.split}.json"

    def is_done(self, parts_dir: Path, directions: tuple[str, ...]) -> bool:
        """Whether nothing of it is left to do."""
        return is_trained(self.folder(parts_dir), self.recipe.steps) and (
            not directions or self.evaluation(parts_dir).exists()
        )

    def read(self, parts_dir: Path, directions: tuple[str, ...]) -> dict:
        """`part`, `steps`, `seconds` and the measures.

        Raises:
            ValueError: a file is missing, or no JSON.
        """
        found = dict(part=self.key) | trained(self.folder(parts_dir))
        return found | {each: read_json(self.evaluation(parts_dir)) for each in directions}

    def measure(self, parts_dir: Path, directions: tuple[str, ...] = (FORWARDS,)) -> None:
        """Trains it and evaluates it; what is there already is not done again, and what was begun goes on.

        Raises:
            StoppedError: it was told to stop, and has saved.
            ValueError, OSError, FloatingPointError: as `s3d_tf.detection.run.train` and `evaluate.evaluate`.
        """
        if set(directions) - {FORWARDS}:
            raise ValueError(f"Detectors are shown videos forwards. Received: {', '.join(directions)}")
        folder = self.folder(parts_dir)
        if not is_trained(folder, self.recipe.steps):
            pace = run.Pace(steps_per_call=min(10, self.recipe.steps), keep=1)
            strategy = devices.make_strategy(self.num_replicas)
            if "stopped" in run.train(self._begun(parts_dir), self.records, folder, strategy, pace):
                raise StoppedError
        if directions and not self.evaluation(parts_dir).exists():
            detector, _, step = start.load_detector(folder)
            path, split = folder / f"detections_{self.split}.json", open_split(self.records, self.split)
            measures = evaluate(detector, split, path)
            about = dict(weights=f"step {step}", split=self.split)
            detection_report.write(measures._replace(result=about | measures.result), folder, f"detection_{self.split}")

    def _begun(self, parts_dir: Path) -> DetectionRecipe:
        """The recipe, with the folders of the parts whose networks it begins from."""
        given = {_WEIGHTS[part.recipe.stream]: str(part.folder(parts_dir)) for part in self.begins_from}
        if self.backbone:
            given["backbone_weights"] = str(self.backbone.folder(parts_dir))
        return dataclasses.replace(self.recipe, **given)

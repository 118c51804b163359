"""An RGB and a flow network together: their logits added over the videos that the parts are measured on (Table 4)."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import ClassVar

from s3d_tf.data.split import open_split
from s3d_tf.files import read_json, write_json
from s3d_tf.training import checkpoints, devices
from s3d_tf.training.evaluate import evaluate
from s3d_tf.training.recipes import Recipe

from .part import CLASSIFIED, FORWARDS, Part, fingerprint


@dataclasses.dataclass(frozen=True)
class TwoStream:
    """What an experiment measures as it measures a `Part`, but nothing of it is trained.

    Attributes:
        rgb: a part, whose seed and network stand for both.
        flow: a part of the stream "flow", on the same records.

    Raises:
        ValueError: parts on different records, or on different splits.
    """

    rgb: Part
    flow: Part

    told: ClassVar = CLASSIFIED

    def __post_init__(self):
        shown = [(fingerprint(part.records), part.split) for part in (self.rgb, self.flow)]
        if shown[0] != shown[1]:
            raise ValueError(
                "Two streams need records that hold both of them, by --streams=rgb,flow. Received: "
                f"{self.rgb.records} and {self.flow.records}"
            )

    @property
    def needs(self) -> tuple[Part, ...]:
        """The parts whose networks it evaluates."""
        return self.rgb, self.flow

    @property
    def recipe(self) -> Recipe:
        """That of the RGB network, whose names stand in the tables."""
        return self.rgb.recipe

    @property
    def key(self) -> str:
        """The name of its folder, which ends in a hash of both parts' names."""
        recipe, keys = self.recipe, "+".join(part.key for part in self.needs)
        digest = hashlib.sha256(keys.encode()).hexdigest()[:8]
        return f"{recipe.network}-{self.rgb.records.name}-two_stream-seed{recipe.seed}-{digest}"

    def folder(self, parts_dir: Path) -> Path:
        """Where it is kept among all parts."""
        return parts_dir / self.key

    def evaluation(self, parts_dir: Path) -> Path:
        """Where its evaluation is kept, called as scripts/evaluate.py calls it."""
        return self.folder(parts_dir) / f"evaluation_{self.rgb.split}_two_stream.json"

    def is_done(self, parts_dir: Path, directions: tuple[str, ...]) -> bool:
        """Whether it has been evaluated; flow has but one direction."""
        del directions
        return self.evaluation(parts_dir).exists()

    def read(self, parts_dir: Path, directions: tuple[str, ...]) -> dict:
        """`part`, and what each direction gave.

        Raises:
            ValueError: the file is missing, or no JSON.
        """
        return dict(part=self.key) | {each: read_json(self.evaluation(parts_dir)) for each in directions}

    def measure(self, parts_dir: Path, directions: tuple[str, ...] = (FORWARDS,)) -> None:
        """Evaluates both networks in one pass and adds their logits.

        Raises:
            ValueError: flow backwards, or as `s3d_tf.training.evaluate.evaluate`.
        """
        if set(directions) - {FORWARDS}:
            raise ValueError(f"Flow is of one direction. Received: {', '.join(directions)}")
        strategy = devices.make_strategy(self.rgb.num_replicas)
        with strategy.scope():
            loaded = {part.recipe.stream: checkpoints.load_model(part.folder(parts_dir)) for part in self.needs}
        result, _ = evaluate(
            {stream: model for stream, (model, _, _) in loaded.items()},
            open_split(self.rgb.records, self.rgb.split),
            at_least=self.recipe.eval_frames,
            batch_size=self.rgb.eval_batch or strategy.num_replicas_in_sync,
            strategy=strategy,
        )
        networks = {stream: model.name for stream, (model, _, _) in loaded.items()}
        weights = {stream: f"step {step}" for stream, (_, _, step) in loaded.items()}
        self.folder(parts_dir).mkdir(parents=True, exist_ok=True)
        write_json(self.evaluation(parts_dir), dict(network=networks, weights=weights, split=self.rgb.split) | result)

"""The embedded sets that the mini experiments share, and the fixtures of a dry run: drawn and prepared once."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import cv2
import numpy as np

from s3d_tf.data import listing, prepare, synthetic
from s3d_tf.data.datasets import list_dataset
from s3d_tf.data.locks import hold

LOOKS = ("blocks", "grains", "stripes", "triangles")  # small networks tell these four apart in a minute
SETS = {
    "motion": synthetic.SyntheticSet(classes=synthetic.DRIFTS, num_val=200),
    "eight_motions": synthetic.SyntheticSet(),  # hard enough that networks differ
    "appearance": synthetic.SyntheticSet(flavour="appearance", classes=LOOKS, num_val=400),
}
SETTINGS = prepare.Settings(size=(40, 40))
_FIXTURE_LABELS = ("Holding something", "Approaching something")


def prepared(spec: synthetic.SyntheticSet, name: str, folder: Path) -> Path:
    """Draws and prepares a synthetic set; what is there already stays.

    Returns:
        The folder of its records, `folder/name`.

    Raises:
        ValueError: the folder holds another set.
    """
    records, videos = folder / name, folder / f"{name}_videos"
    with _alone(folder, name):
        synthetic.write_set(spec, videos)
        if not (records / prepare.MANIFEST).exists():
            items = listing.list_folder(videos)
            prepare.prepare(listing.Listing(items, listing.class_names(items)), records, SETTINGS)
    return records


def fixture(name: str, folder: Path) -> Path:
    """Six tiny videos in the official layout of Kinetics or of Something-something, listed by its reader and prepared.

    Args:
        name: "kinetics", "mini_kinetics" (whose files are those of Kinetics) or "something_something".

    Returns:
        The folder of the records, `folder/name`.
    """
    records, source = folder / name, folder / f"{name}_source"
    with _alone(folder, name):
        if not (records / prepare.MANIFEST).exists():
            shutil.rmtree(source, ignore_errors=True)
            source.mkdir()
            (_lay_out_something if name == "something_something" else _lay_out_kinetics)(source)
            dataset = "something_v1" if name == "something_something" else "kinetics400"
            prepare.prepare(list_dataset(dataset, source), records, SETTINGS)
    return records


def _fixture_videos() -> list[tuple[str, int, str, np.ndarray]]:
    """Split, number, label and frames `[12, 40, 40, 3]` uint8 RGB."""
    spec = synthetic.SyntheticSet(num_frames=12)
    drawn = []
    for index in range(6):
        frames = synthetic.render(spec, synthetic.DRIFTS[index % 2], np.random.default_rng([0, index]))
        drawn.append(("train" if index < 4 else "validation", index, _FIXTURE_LABELS[index % 2], frames))
    return drawn


def _lay_out_kinetics(source: Path) -> None:
    rows = {"train": [], "validation": []}
    for split, index, label, frames in _fixture_videos():
        video_id = f"fixture{index:04d}"
        path = source / split / label / f"{video_id}_000000_000010.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        synthetic.write_video(path, frames, 25.0)
        rows[split].append(f"{label},{video_id},0,10,{split},0")
    for split, lines in rows.items():
        text = "\n".join(["label,youtube_id,time_start,time_end,split,is_cc", *lines, ""])
        (source / f"{split}.csv").write_text(text)


def _lay_out_something(source: Path) -> None:
    rows = {"train": [], "validation": []}
    for split, index, label, frames in _fixture_videos():
        folder = source / "20bn-something-something-v1" / str(index + 1)
        folder.mkdir(parents=True)
        for number, frame in enumerate(frames, 1):
            cv2.imwrite(str(folder / f"{number:05d}.jpg"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        rows[split].append(f"{index + 1};{label}")
    for split, lines in rows.items():
        (source / f"something-something-v1-{split}.csv").write_text("\n".join([*lines, ""]))
    (source / "something-something-v1-labels.csv").write_text("\n".join([*_FIXTURE_LABELS, ""]))


@contextlib.contextmanager
def _alone(folder: Path, name: str):
    """Holds a set of the folder, so that two experiments that start together draw it once."""
    folder.mkdir(parents=True, exist_ok=True)
    with hold(folder / f"{name}.lock", 0, 1, wait=True):
        yield

"""The fixtures of a dry run: a few tiny videos in the official layouts of the paper's data sets."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np

from s3d_tf.data import prepare, synthetic
from s3d_tf.data.datasets import list_dataset

from .embedded import alone, settings_of

_LABELS = ("Approaching something", "Holding something")
_FRAMES = 12
_UCF101_BOX = (80, 60, 120, 160)  # x, y, width and height in 320x240, whatever the size of the file


def fixture(name: str, dataset: str, split_number: int, folder: Path) -> Path:
    """Six tiny videos in the official layout of a data set, listed by its reader and prepared.

    Args:
        name: of its folder.
        dataset: "kinetics", "mini_kinetics" (whose files are those of Kinetics), "something_something", "ucf101",
            "hmdb51", or with boxes "ucf101_24" or "jhmdb".
        split_number: which of its official splits, from 1.

    Returns:
        The folder of the records, `folder/name`.
    """
    records, source = folder / name, folder / f"{name}_source"
    with alone(folder, name):
        if not (records / prepare.MANIFEST).exists():
            shutil.rmtree(source, ignore_errors=True)
            source.mkdir()
            official, lay_out = _LAYOUTS[dataset]
            lay_out(source)
            prepare.prepare(list_dataset(official, source, split_number=split_number), records, settings_of(name))
    return records


def _videos() -> list[tuple[str, int, str, np.ndarray]]:
    """Split, number, label and frames `[12, 40, 40, 3]` uint8 RGB."""
    spec = synthetic.SyntheticSet(num_frames=_FRAMES)
    drawn = []
    for index in range(6):
        frames = synthetic.render(spec, synthetic.DRIFTS[index % 2], np.random.default_rng([0, index]))
        drawn.append(("train" if index < 4 else "validation", index, _LABELS[index % 2], frames))
    return drawn


def _lay_out_kinetics(source: Path) -> None:
    rows = {"train": [], "validation": []}
    for split, index, label, frames in _videos():
        video_id = f"fixture{index:04d}"
        path = source / split / label / f"{video_id}_000000_000010.avi"
        _write(path, frames)
        rows[split].append(f"{label},{video_id},0,10,{split},0")
    for split, lines in rows.items():
        text = "\n".join(["label,youtube_id,time_start,time_end,split,is_cc", *lines, ""])
        (source / f"{split}.csv").write_text(text)


def _lay_out_something(source: Path) -> None:
    rows = {"train": [], "validation": []}
    for split, index, label, frames in _videos():
        folder = source / "20bn-something-something-v1" / str(index + 1)
        folder.mkdir(parents=True)
        for number, frame in enumerate(frames, 1):
            cv2.imwrite(str(folder / f"{number:05d}.jpg"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        rows[split].append(f"{index + 1};{label}")
    for split, lines in rows.items():
        (source / f"something-something-v1-{split}.csv").write_text("\n".join([*lines, ""]))
    (source / "something-something-v1-labels.csv").write_text("\n".join([*_LABELS, ""]))


def _lay_out_ucf101(source: Path) -> None:
    lists = source / "ucfTrainTestlist"
    lists.mkdir()
    names = _names()
    (lists / "classInd.txt").write_text("".join(f"{number} {name}\n" for number, name in enumerate(names, 1)))
    videos = []
    for _, index, label, frames in _videos():
        class_id = _LABELS.index(label)
        videos.append((f"{names[class_id]}/v_{names[class_id]}_g{index + 1:02d}_c01.avi", class_id + 1))
        _write(source / "UCF-101" / videos[-1][0], frames)
    for number in (1, 2, 3):
        train, test = _official_split(videos, number)
        (lists / f"trainlist{number:02d}.txt").write_text("".join(f"{name} {class_id}\n" for name, class_id in train))
        (lists / f"testlist{number:02d}.txt").write_text("".join(f"{name}\n" for name, _ in test))


def _lay_out_ucf101_24(source: Path) -> None:
    _lay_out_ucf101(source)
    annotated = {}
    for path in sorted((source / "UCF-101").rglob("*.avi")):
        label = _names().index(path.parent.name)
        tube = dict(label=label, sf=2, ef=_FRAMES, boxes=np.tile(np.uint16(_UCF101_BOX), (_FRAMES - 2, 1)))
        annotated[f"{path.parent.name}/{path.stem}"] = dict(numf=_FRAMES, label=label, annotations=[tube])
    (source / "pyannot.pkl").write_bytes(pickle.dumps(annotated))


def _lay_out_hmdb51(source: Path) -> None:
    lists = source / "testTrainMulti_7030_splits"
    videos = [(name, file) for name, file, _ in _by_name()]
    for name, file, frames in _by_name():
        _write(source / "hmdb51_org" / name / file, frames)
    _write_lists(lists, videos)


def _lay_out_jhmdb(source: Path) -> None:
    try:
        from scipy.io import savemat
    except ImportError as error:
        raise ValueError(f"JHMDB's masks need scipy: pip install -e '.[boxes]'. Received: {error}") from None
    for name, file, frames in _by_name():
        _write(source / "ReCompress_Videos" / name / file, frames)
        mask = np.zeros((*frames.shape[1:3], len(frames)), np.uint8)
        mask[10:30, 8:24] = 1
        folder = source / "puppet_mask" / name / Path(file).stem
        folder.mkdir(parents=True)
        savemat(folder / "puppet_mask.mat", dict(part_mask=mask))
    _write_lists(source / "splits", [(name, file) for name, file, _ in _by_name()])


def _by_name() -> list[tuple[str, str, np.ndarray]]:
    """Class, file and frames of each video, called as in HMDB51."""
    videos = [(label.lower().replace(" ", "_"), index, frames) for _, index, label, frames in _videos()]
    return [(name, f"fixture_{name}_{index}.avi", frames) for name, index, frames in videos]


def _write_lists(lists: Path, videos: list[tuple]) -> None:
    """A list for each class and split, in HMDB51's way."""
    lists.mkdir()
    for number in (1, 2, 3):
        train, _ = _official_split(videos, number)
        for name in sorted({name for name, _ in videos}):
            lines = [f"{file} {1 if (name, file) in train else 2} \n" for other, file in videos if other == name]
            (lists / f"{name}_test_split{number}.txt").write_text("".join(lines))


def _names() -> list[str]:
    """The classes, called as in UCF101."""
    return [label.title().replace(" ", "") for label in _LABELS]


def _official_split(videos: list[tuple], number: int) -> tuple[list[tuple], list[tuple]]:
    """Training and test videos of a split: each split tests another third, of both classes."""
    test = videos[2 * number - 2 : 2 * number]
    return [video for video in videos if video not in test], test


def _write(path: Path, frames: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    synthetic.write_video(path, frames, 25.0)


_LAYOUTS = {  # of a fixture: the reader of its official layout, and who lays it out
    "kinetics": ("kinetics400", _lay_out_kinetics),
    "mini_kinetics": ("kinetics400", _lay_out_kinetics),
    "something_something": ("something_v1", _lay_out_something),
    "ucf101": ("ucf101", _lay_out_ucf101),
    "ucf101_24": ("ucf101_24", _lay_out_ucf101_24),
    "hmdb51": ("hmdb51", _lay_out_hmdb51),
    "jhmdb": ("jhmdb", _lay_out_jhmdb),
}

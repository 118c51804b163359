"""Ground truth and detections for the measures, written as rows; and a small set of videos with boxes."""

import json

import numpy as np
import pytest

from s3d_tf.data import datasets, listing, prepare, synthetic, synthetic_detection
from s3d_tf.data.layouts.annotated import ANNOTATIONS
from s3d_tf.detection.annotations import Detections, GroundTruth

SQUARE = (0.0, 0.0, 0.5, 0.5)
SIZE = (48, 64)


def columns(rows, count):
    return [np.array(column) for column in zip(*rows, strict=True)] or [np.zeros(0, int)] * count


@pytest.fixture
def make():
    """Rows of (video, frame, label, track, box) and (video, frame, label, score, box) -> truth, detections."""

    def rows_to_arrays(true, found=(), videos=("a", "b"), classes=("run", "jump")):
        video, frame, label, track, boxes = columns(true, 5)
        truth = GroundTruth(videos, classes, video, frame, label, boxes.reshape(-1, 4).astype(float), track=track)
        video, frame, label, score, boxes = columns(found, 5)
        boxes = boxes.reshape(-1, 4).astype(float)
        return truth, Detections(videos, classes, video, frame, label, boxes, score=score.astype(float))

    return rows_to_arrays


def moved(share):
    """The square moved to the right by a share of its width: the overlap is (1 - share) / (1 + share)."""
    return (0.0, 0.5 * share, 0.5, 0.5 + 0.5 * share)


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """Videos of 8 frames, and in front of them one of 3 frames that nobody is in."""
    folder = tmp_path_factory.mktemp("actors") / "videos"
    spec = synthetic_detection.DetectionSet(
        num_train=5, num_val=2, rows=48, columns=64, smallest=10, largest=16, num_frames=8
    )
    synthetic_detection.write_set(spec, folder)
    noise = np.random.default_rng(0).integers(0, 255, (3, 48, 64, 3), np.uint8)
    synthetic.write_video(folder / "train/empty.avi", noise, 25.0)
    content = json.loads((folder / ANNOTATIONS).read_text())
    content["may_flip"] = True
    content["videos"] = {"train/empty.avi": {"split": "train", "actors": []}} | content["videos"]
    (folder / ANNOTATIONS).write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="session")
def listed(source) -> listing.Listing:
    return datasets.list_dataset("annotated", source)


@pytest.fixture(scope="session")
def data_dir(listed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    settings = prepare.Settings(size=SIZE, shard_size=4, streams=("rgb", "flow"))
    prepare.prepare(listed, folder, settings)
    return folder

"""The official ground truth, given to the measures as what was detected."""

import dataclasses
import zipfile
from collections import defaultdict

import pytest

from s3d_tf.data.datasets import list_dataset
from s3d_tf.data.records import Box
from s3d_tf.detection import annotations, frame_ap, precision_recall, tubes, video_ap
from s3d_tf.detection.linking import Linking
from s3d_tf.detection.measures import measure
from tests.conftest import shared_folder

pytestmark = pytest.mark.skipif(shared_folder() is None, reason="needs the official annotations")
ALL = {"0.2": 1.0, "0.5": 1.0, "0.75": 1.0, "0.5:0.95": 1.0}


@pytest.fixture(scope="module")
def ucf24(tmp_path_factory) -> annotations.GroundTruth:
    listing = list_dataset("ucf101_24", tmp_path_factory.mktemp("none"), shared_folder() / "splits/ucf24")
    return annotations.of_items(listing.items, listing.classes, "test")


@pytest.fixture(scope="module")
def jhmdb() -> annotations.GroundTruth:
    """A file a frame, `CLASS_NAME_FRAME.txt`, frames from 1: class from 1, left, top, right, bottom."""
    videos = defaultdict(list)
    with zipfile.ZipFile(shared_folder() / "splits/jhmdb/groundtruths_jhmdb.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".txt"):
                video, _, frame = name.rpartition("/")[2].removesuffix(".txt").rpartition("_")
                label, left, top, right, bottom = map(int, archive.read(name).split())
                corners = (top / 240, left / 320, bottom / 240, right / 320)
                videos[video].append(Box(int(frame) - 1, *corners, label - 1, 0))
    return annotations.ground_truth(sorted(videos.items()), [f"class {number}" for number in range(21)])


def test_ucf24_is_exactly_1(ucf24):
    found = annotations.as_detections(ucf24)
    curves = frame_ap.frame_ap(ucf24, found)
    assert [curve.average_precision for curve in curves] == [1.0] * 24
    true = tubes.of_truth(ucf24)
    assert (len(ucf24.videos), len(ucf24.boxes), len(true.video)) == (910, 170_580, 1315)
    assert video_ap.video_map(true, true, 24) == ALL


def test_ucf24_linked_without_knowing_the_actors(ucf24):
    """Actors that meet cannot be told apart by boxes of one score."""
    measures = measure(ucf24, annotations.as_detections(ucf24), Linking(min_frames=1))
    assert measures.result["frame_map"] == 1.0
    assert measures.result["tubes"] == 1374
    expected = {"0.2": 0.974811, "0.5": 0.950631, "0.75": 0.895166, "0.5:0.95": 0.898431}
    assert measures.result["video_map"] == pytest.approx(expected, abs=1e-6)


def test_jhmdb_is_exactly_1_linked_too(jhmdb):
    measures = measure(jhmdb, annotations.as_detections(jhmdb))
    assert (measures.result["videos"], measures.result["true_boxes"], measures.result["tubes"]) == (268, 9126, 268)
    assert measures.result["frame_map"] == 1.0
    assert measures.result["video_map"] == ALL
    assert measures.result["errors"]["correct"] == 1.0


def test_jhmdb_of_moved_boxes(jhmdb):
    """A box moved by a fifth of its height overlaps by 0.8 / 1.2, and so does its tube."""
    height = jhmdb.boxes[:, 2] - jhmdb.boxes[:, 0]
    moved = jhmdb.boxes + 0.2 * height[:, None] * [1, 0, 1, 0]
    found = dataclasses.replace(annotations.as_detections(jhmdb), boxes=moved)
    result = measure(jhmdb, found).result
    assert result["frame_map"] == 1.0
    assert result["video_map"] == {"0.2": 1.0, "0.5": 1.0, "0.75": 0.0, "0.5:0.95": 0.4}
    assert precision_recall.mean(frame_ap.frame_ap(jhmdb, found, 0.67)) == 0.0

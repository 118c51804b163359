import json

import numpy as np
import pytest

from s3d_tf.data.records import Box
from s3d_tf.detection import annotations
from tests.detection.conftest import SQUARE, moved

TRUE = [(0, 0, 0, 0, SQUARE), (0, 1, 1, 0, SQUARE)]


def test_detections_come_back_from_json_in_the_order_of_the_truth(make, tmp_path):
    found = [(1, 5, 1, 0.25, moved(0.5)), (0, 3, 0, 0.75, SQUARE), (1, 2, 0, 0.5, SQUARE)]
    truth, detections = make(TRUE, found)
    path = tmp_path / "detections.json"
    annotations.write_detections(path, detections)
    assert json.loads(path.read_text())["videos"]["a"] == {
        "frame": [3],
        "class": [0],
        "score": [0.75],
        "boxes": [[0.0, 0.0, 0.5, 0.5]],
    }
    back = annotations.read_detections(path, truth)
    rows = [1, 0, 2]
    for field in ("video", "frame", "label", "score", "boxes"):
        np.testing.assert_array_equal(getattr(back, field), getattr(detections, field)[rows])
    other, _ = make([], videos=("b", "a"))
    np.testing.assert_array_equal(annotations.read_detections(path, other).video, [0, 0, 1])


def entry(**changes):
    return {"frame": [0], "class": [0], "score": [0.5], "boxes": [SQUARE]} | changes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "a JSON object of classes and videos"),
        ({"classes": ["jump", "run"], "videos": {}}, r"other classes than the ground truth's run, jump.*'jump', 'run'"),
        ({"videos": {"a": entry(), "b": entry(), "c": entry()}}, r"no such videos \(1\). Received: c"),
        ({"videos": {"b": entry()}}, "1 have none. Received: .* without a"),
        ({"videos": {"a": entry(), "b": entry(frame=[0, 1])}}, "equally long lists.* Received: b in"),
        ({"videos": {"a": entry(boxes=[[0, 1]]), "b": entry()}}, "equally long lists.* Received: a in"),
        ({"videos": {"a": entry(frame=[0.5]), "b": entry()}}, "equally long lists.* Received: a in"),
        ({"videos": {"a": entry(score=["x"]), "b": entry()}}, "equally long lists.* Received: a in"),
        ({"videos": {"a": entry(), "b": 3}}, "equally long lists.* Received: b in"),
        ({"videos": {"a": entry(), "b": entry(**{"class": [2]})}}, r"label must be in \[0, 2\). Received: 2"),
        ({"videos": {"a": entry(), "b": entry(frame=[-1])}}, "frame must be in .*Received: -1"),
        ({"videos": {"a": entry(), "b": entry(boxes=[[0.5, 0, 0.2, 1]])}}, "ymin <= ymax.*in frame 0 of b"),
        ({"videos": {"a": entry(), "b": entry(score=[float("nan")])}}, "needs a score that is a number"),
        ({"videos": {"a": entry(boxes=[[0, 0, 1, float("nan")]]), "b": entry()}}, "ymin <= ymax.*in frame 0 of a"),
    ],
)
def test_files_that_make_no_sense_are_refused(make, tmp_path, content, message):
    truth, _ = make(TRUE)
    if isinstance(content, dict):
        content = {"classes": ["run", "jump"]} | content
    (tmp_path / "d.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        annotations.read_detections(tmp_path / "d.json", truth)


def test_ground_truth_of_listed_boxes():
    boxes = (Box(2, 0.1, 0.2, 0.3, 0.4, 1, 0), Box(0, 0.0, 0.0, 1.0, 1.0, 0, 5))
    truth = annotations.ground_truth([("a", ()), ("b", boxes)], ["run", "jump"])
    assert (truth.videos, truth.video.tolist(), truth.frame.tolist()) == (("a", "b"), [1, 1], [2, 0])
    assert (truth.label.tolist(), truth.track.tolist()) == ([1, 0], [0, 5])
    np.testing.assert_array_equal(truth.boxes, [[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1]])
    assert truth.num_boxes.tolist() == [1, 1]
    assert len(annotations.ground_truth([("a", ())], ["run"]).boxes) == 0


def test_a_track_has_one_box_a_frame_and_names_are_their_own(make):
    with pytest.raises(ValueError, match="one box a frame"):
        make([(0, 0, 0, 0, SQUARE), (0, 0, 0, 0, moved(0.5))])
    with pytest.raises(ValueError, match="a name of its own"):
        make(TRUE, videos=("a", "a"))


def test_detections_by_name_are_numbered_as_the_truth(make):
    truth, _ = make(TRUE)
    whole, boxes = np.array([3, 4]), np.array([SQUARE, SQUARE])
    found = annotations.detections_of(truth, ["b", "a"], whole, whole - 3, whole / 10, boxes)
    assert (found.video.tolist(), found.frame.tolist(), found.label.tolist()) == ([1, 0], [3, 4], [0, 1])
    with pytest.raises(ValueError, match=r"no such video. Received: c"):
        annotations.detections_of(truth, ["b", "c"], whole, whole - 3, whole / 10, boxes)


def test_a_split_without_boxes_is_refused():
    with pytest.raises(ValueError, match=r"No video of the split has a box. Received: 'test', 0 videos"):
        annotations.of_items([], ["run"], "test")

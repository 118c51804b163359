import csv
import json

import cv2
import numpy as np
import pytest

from s3d_tf.analysis import detection_report
from s3d_tf.detection import naming
from s3d_tf.detection.frame_ap import frame_ap
from s3d_tf.detection.linking import Linking
from s3d_tf.detection.measures import measure
from tests.detection.conftest import SQUARE, moved

TRUE = [(0, frame, 0, 0, SQUARE) for frame in range(8)]


def test_numbers_table_and_picture(make, tmp_path):
    pytest.importorskip("matplotlib")
    rows = [(0, frame, 0, 0.5, SQUARE) for frame in range(6)] + [(1, 0, 1, 0.9, SQUARE)]
    truth, detections = make(TRUE, rows)
    detection_report.write(measure(truth, detections, Linking(min_frames=1)), tmp_path, "measures_test")
    result = json.loads((tmp_path / "measures_test.json").read_text())
    assert result["frame_map"] == 0.75
    assert result["video_map"] == {"0.2": 1.0, "0.5": 1.0, "0.75": 1.0, "0.5:0.95": 0.6}  # an overlap of 6 / 8
    assert (result["true_boxes"], result["true_tubes"], result["detections"], result["tubes"]) == (8, 1, 7, 2)
    assert result["errors"]["missed"] == 0.25
    assert result["classes"] == ["run"]
    assert (result["overlap"], result["linking"]["min_frames"], result["linking"]["min_overlap"]) == (0.5, 1, 0.1)
    header, run, jump = csv.reader((tmp_path / "measures_test.csv").read_text().splitlines())
    assert dict(zip(header, run, strict=True))["frame_ap"] == "0.750000"
    assert dict(zip(header, run, strict=True))["missed"] == "0.250000"
    assert jump == ["jump", "0", "1", *[""] * (len(header) - 3)]
    assert cv2.imread(str(tmp_path / "measures_test.png")).shape[0] > 400


def test_the_picture_shows_the_curve(make):
    """Precision 1 is a line at the top; when a wrong one goes before, the line is not there."""
    pytest.importorskip("matplotlib")
    good, bad = (
        make(TRUE, [(1, 0, 0, score, moved(1)), *((0, frame, 0, 0.5, SQUARE) for frame in range(8))])
        for score in (0.1, 0.9)
    )
    images = [
        cv2.imdecode(
            np.frombuffer(detection_report.draw(frame_ap(*some), ("run", "$x\udcff"), "a $ title"), np.uint8), 1
        )
        for some in (good, bad)
    ]
    assert images[0].shape == images[1].shape
    changed = (images[0] != images[1]).any(-1)
    assert changed[: len(changed) // 5].any()
    assert not changed[-len(changed) // 10 :].any()


def test_where_and_what_apart(make):
    truth, found = make(
        [(0, 0, 0, 0, SQUARE), (0, 1, 1, 0, SQUARE), (1, 0, 0, 0, SQUARE), (1, 1, 1, 0, SQUARE)],
        [
            (0, 0, 1, 0.6, SQUARE),  # a better one of another class
            (0, 0, 0, 0.5, SQUARE),
            (0, 1, 1, 0.1, (0.0, 0.0, 0.5, 0.25)),  # an overlap of a half
            (1, 0, 0, 0.9, (0.5, 0.5, 1.0, 1.0)),  # elsewhere
            (1, 1, 1, 0.4, SQUARE),
            (1, 1, 0, 0.4, SQUARE),  # of equal scores the first counts
        ],
    )
    assert naming.naming(truth, found) == (0.75, pytest.approx(2 / 3))
    assert naming.naming(truth, found.choose(np.array([3]))) == (0.0, None)

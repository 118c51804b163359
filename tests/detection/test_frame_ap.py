import numpy as np
import pytest

from s3d_tf.detection import error_analysis, precision_recall
from s3d_tf.detection.annotations import as_detections
from s3d_tf.detection.frame_ap import frame_ap, matches
from s3d_tf.detection.overlaps import iou, key, same
from tests.detection.conftest import SQUARE, moved

FOUR = [(0, frame, 0, 0, SQUARE) for frame in range(4)]  # one actor in four frames of the first video


def precisions(truth, detections, **options):
    return [curve.average_precision for curve in frame_ap(truth, detections, **options)]


def test_overlaps_by_hand():
    boxes = np.array([SQUARE, SQUARE, SQUARE, SQUARE, (0.1, 0.1, 0.1, 0.4)])
    others = np.array([SQUARE, moved(0.25), moved(1), (0.25, 0.25, 1, 1), (0.1, 0.1, 0.1, 0.4)])
    expected = [1.0, 0.6, 0.0, 0.0625 / (0.25 + 0.5625 - 0.0625), 0.0]  # no box without area overlaps, itself neither
    np.testing.assert_allclose(iou(boxes, others), expected, rtol=1e-15)
    assert iou(np.array([(0.1, 0.2, 0.7, 0.9)]), np.array([(0.1, 0.2, 0.7, 0.9)])) == 1.0


def test_pairs_of_equal_keys_and_keys_that_do_not_meet():
    found, true = same(np.array([7, 3, 7, 5]), np.array([3, 7, 9, 7]))
    assert list(zip(found, true, strict=True)) == [(0, 1), (0, 3), (1, 0), (2, 1), (2, 3)]
    last = np.array([0, 1 << 24]) - [0, 1]
    keys = key(*(grid.ravel() for grid in np.meshgrid(last, last, [0, (1 << 15) - 1])))
    assert len(set(keys)) == 8
    assert keys.min() == 0


def test_the_truth_itself_is_1_and_nothing_is_0(make):
    truth, nothing = make([*FOUR, (1, 9, 1, 0, SQUARE)])
    assert precisions(truth, as_detections(truth)) == [1.0, 1.0]
    assert precisions(truth, nothing) == [0.0, 0.0]


@pytest.mark.parametrize(("share", "expected"), [(0.25, 1.0), (1 / 3, 1.0), (0.34, 0.0), (0.5, 0.0)])
def test_moved_boxes(make, share, expected):
    """A third of the width leaves half an overlap, which is enough."""
    truth, found = make(FOUR, [(0, frame, 0, 0.9, moved(share)) for frame in range(4)])
    assert precisions(truth, found)[0] == expected
    assert precisions(truth, found, threshold=0.3)[0] == 1.0


def test_doubled_boxes_are_wrong_once(make):
    """Right, wrong, right, wrong: the precisions of the hits are 1 and 2/3. Doubles that score less cost nothing."""
    two = FOUR[:2]
    truth, found = make(two, [(0, frame, 0, 0.9 - 0.1 * frame, SQUARE) for frame in (0, 0, 1, 1)])
    assert precisions(truth, found)[0] == pytest.approx((1 + 2 / 3) / 2)
    truth, found = make(two, [(0, frame, 0, score, SQUARE) for score in (0.9, 0.5) for frame in (0, 1)])
    assert precisions(truth, found)[0] == 1.0


def test_wrong_classes_count_for_the_class_that_they_claim(make):
    true = [*FOUR[:2], (1, 0, 1, 0, SQUARE)]
    truth, found = make(true, [(0, 0, 1, 0.9, SQUARE), (0, 1, 1, 0.8, SQUARE), (1, 0, 1, 0.7, SQUARE)])
    curves = frame_ap(truth, found)
    assert [curve.average_precision for curve in curves] == [0.0, 1 / 3]
    assert precision_recall.mean(curves) == pytest.approx(1 / 6)


def test_missing_frames_and_frames_without_actors(make):
    truth, found = make(FOUR, [(0, frame, 0, 0.5, SQUARE) for frame in (0, 2, 3)])
    assert precisions(truth, found)[0] == 0.75
    empty = [(0, 4, 0, 0.9, SQUARE), (1, 0, 0, 0.9, SQUARE)]  # two before all others: 1/3, 2/4, 3/5, 4/6
    truth, found = make(FOUR, [*empty, *((0, frame, 0, 0.5, SQUARE) for frame in range(4))])
    assert precisions(truth, found)[0] == pytest.approx(4 / 6)  # made monotone


def test_of_equal_scores_the_first_goes_first(make):
    rows = [(0, 0, 0, 0.5, SQUARE), (1, 0, 0, 0.5, SQUARE)]
    for order, expected in ((rows, 1.0), (rows[::-1], 0.5)):
        truth, found = make(FOUR[:1], order)
        assert precisions(truth, found)[0] == expected


def test_a_detection_takes_what_is_left(make):
    """The second one overlaps most what the first one was given, and is given the other."""
    true = [(0, 0, 0, 0, SQUARE), (0, 0, 0, 1, moved(0.3))]
    truth, found = make(true, [(0, 0, 0, 0.8, moved(0.12)), (0, 0, 0, 0.9, moved(0.1)), (0, 0, 0, 0.7, SQUARE)])
    assert matches(truth, found).tolist() == [1, 0, -1]


def test_classes_without_truth_are_left_out_of_the_mean(make):
    truth, found = make(FOUR, [(0, 0, 1, 0.9, SQUARE), *((0, frame, 0, 0.5, SQUARE) for frame in range(4))])
    curves = frame_ap(truth, found)
    assert [curve.average_precision for curve in curves] == [1.0, None]
    assert precision_recall.mean(curves) == 1.0
    np.testing.assert_array_equal(curves[0].precision, [1, 1, 1, 1])
    np.testing.assert_array_equal(curves[0].recall, [0.25, 0.5, 0.75, 1])
    with pytest.raises(ValueError, match="nothing to be found"):
        precision_recall.mean(curves[1:])


def test_detections_of_other_videos_are_refused(make):
    truth, _ = make(FOUR)
    _, found = make([], videos=("b", "a"))
    with pytest.raises(ValueError, match="in its order"):
        frame_ap(truth, found)


def test_errors_by_hand(make):
    """One detection of each kind between two hits: before the last one all five kinds have a fifth."""
    true = [*FOUR[:2], (0, 5, 1, 0, SQUARE), (1, 0, 1, 0, SQUARE)]
    found = [
        (0, 0, 0, 0.9, SQUARE),  # correct
        (0, 0, 0, 0.8, SQUARE),  # again: localisation
        (0, 5, 0, 0.7, SQUARE),  # on another class's actor: classification
        (0, 6, 0, 0.6, SQUARE),  # not yet, or no more: time
        (1, 3, 0, 0.5, SQUARE),  # of a class that the video does not have: other
        (0, 1, 0, 0.4, SQUARE),  # correct
    ]
    truth, detections = make(true, found)
    assert error_analysis.kind(truth, detections).tolist() == [0, 1, 2, 3, 4, 0]
    first, second = error_analysis.error_analysis(truth, detections)
    each = (1 / 5 + 1 / 6) / 4
    expected = {"correct": 0.5 + (1 / 5 + 2 / 6) / 4, "missed": 0.0}
    assert first == pytest.approx(expected | dict.fromkeys(("localisation", "classification", "time", "other"), each))
    assert sum(first.values()) == pytest.approx(1)
    assert second == dict.fromkeys(error_analysis.KINDS, 0.0) | {"missed": 1.0}
    assert error_analysis.mean([first, second, None])["missed"] == 0.5


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ((0, 0, 0, 0.9, moved(0.9)), "localisation"),
        ((0, 5, 0, 0.9, moved(0.9)), "other"),  # a frame of another class, on nobody: though the video has the class
        ((1, 0, 0, 0.9, moved(0.9)), "other"),
    ],
)
def test_a_detection_that_is_on_nobody(make, row, kind):
    truth, detections = make([FOUR[0], (0, 5, 1, 0, SQUARE), (1, 0, 1, 0, SQUARE)], [row])
    assert [error_analysis.KINDS[number] for number in error_analysis.kind(truth, detections)] == [kind]

import itertools

import numpy as np
import pytest

from s3d_tf.detection import tubes, video_ap
from s3d_tf.detection.annotations import Detections, as_detections
from s3d_tf.detection.linking import Linking, link
from s3d_tf.detection.overlaps import iou
from tests.detection.conftest import SQUARE, moved

FAR = (0.5, 0.5, 1.0, 1.0)
ACTOR = [(0, frame, 0, 0, SQUARE) for frame in range(4)]


def linked(detections, **options):
    return link(detections, Linking(**{"min_frames": 1} | options))


def maps(truth, detections):
    return video_ap.video_map(linked(detections), tubes.of_truth(truth), len(truth.classes))


def test_the_truth_itself_is_1_at_every_threshold(make):
    truth, _ = make([*ACTOR, *((0, frame, 0, 1, FAR) for frame in range(2, 9)), (1, 3, 1, 0, FAR)])
    assert maps(truth, as_detections(truth)) == {"0.2": 1.0, "0.5": 1.0, "0.75": 1.0, "0.5:0.95": 1.0}


@pytest.mark.parametrize(
    ("boxes", "overlap"),
    [
        ([SQUARE] * 3, 3 / 4),  # a missing frame
        ([SQUARE] * 5, 4 / 5),  # a frame too many
        ([moved(0.25)] * 4, 0.6),
        ([moved(0.25)] * 3, 0.45),  # both
        ([SQUARE, SQUARE, moved(0.25), moved(0.25)], 0.8),  # the mean over the frames
    ],
)
def test_the_overlap_of_tubes_is_that_of_time_by_that_of_space(make, boxes, overlap):
    truth, found = make(ACTOR, [(0, frame, 0, 0.5, box) for frame, box in enumerate(boxes)])
    pairs = tubes.overlaps(linked(found), tubes.of_truth(truth))
    assert pairs.overlap == pytest.approx([overlap])
    right = [threshold for threshold in (0.2, 0.5, 0.75) if overlap >= threshold]
    assert [name for name, value in maps(truth, found).items() if value == 1.0] == [f"{each:g}" for each in right]
    assert maps(truth, found)["0.5:0.95"] == pytest.approx(sum(overlap >= each for each in video_ap.RANGE) / 10)


def test_tubes_of_other_classes_videos_and_times_do_not_overlap(make):
    rows = [(0, frame, 1, 0.5, SQUARE) for frame in range(4)] + [(1, frame, 0, 0.5, SQUARE) for frame in range(4)]
    truth, found = make(ACTOR, [*rows, (0, 9, 0, 0.5, SQUARE)])
    assert len(tubes.overlaps(linked(found), tubes.of_truth(truth)).overlap) == 0
    assert maps(truth, found)["0.2"] == 0.0


def test_a_doubled_tube_is_wrong_once(make):
    rows = [(0, frame, 0, score, SQUARE) for frame in range(4) for score in (0.9, 0.8)]
    truth, found = make([*ACTOR, (1, 0, 0, 0, SQUARE)], [*rows, (1, 0, 0, 0.5, SQUARE)])
    assert len(linked(found).video) == 3
    assert maps(truth, found)["0.5"] == pytest.approx((1 + 2 / 3) / 2)


def test_scores_and_overlaps_decide_who_is_linked_with_whom(make):
    """Two actors side by side; the surer boxes jump from one to the other, the paths do not."""
    near = moved(0.5)
    rows = [(0, frame, 0, score, box) for frame in range(4) for score, box in ((0.5, SQUARE), (0.6, near))]
    rows = [(*row[:3], 1.1 - row[3] if row[1] % 2 else row[3], row[4]) for row in rows]
    _, found = make(ACTOR, rows)
    together = linked(found)
    assert together.length.tolist() == [4, 4]
    assert len({(tube, tuple(box)) for tube, box in zip(together.tube, together.boxes, strict=True)}) == 2
    apart = linked(found, overlap_weight=0.0)  # by scores alone the best path takes 0.6 four times
    assert sorted(apart.score) == pytest.approx([0.5, 0.6])


def brute_force(score, boxes, min_overlap):
    """The worth of one video's paths, best first, by trying all; `[T, K]` and `[T, K, 4]`."""
    length, each = score.shape
    left = {(frame, place) for frame in range(length) for place in range(each)}
    worths = []
    while left:
        best, best_path = -1.0, None
        for first in range(length):
            for last in range(first, length):
                for path in itertools.product(range(each), repeat=last - first + 1):
                    nodes = [(first + step, place) for step, place in enumerate(path)]
                    if not left.issuperset(nodes):
                        continue
                    some = np.array([boxes[node] for node in nodes])
                    overlaps = iou(some[:-1], some[1:])
                    worth = sum(score[node] for node in nodes) + overlaps.sum()
                    if worth > best and (overlaps >= min_overlap).all():
                        best, best_path = worth, nodes
        left -= {*best_path}
        worths.append((best, len(best_path)))
    return worths


@pytest.mark.parametrize("seed", range(3))
def test_paths_are_the_best_of_all(seed):
    random = np.random.default_rng(seed)
    score = random.uniform(0, 1, (5, 3))
    corner = random.uniform(0, 0.5, (5, 3, 2))
    boxes = np.concatenate([corner, corner + 0.5], -1)
    frame = np.repeat(np.arange(5), 3)
    zeros = np.zeros(15, int)
    shuffled = random.permutation(15)
    found = Detections(("a",), ("run",), zeros, frame, zeros, boxes.reshape(-1, 4), score=score.ravel())
    paths = linked(found.choose(shuffled), min_overlap=0.25)
    worths = []
    for tube in range(len(paths.video)):
        own = np.flatnonzero(paths.tube == tube)
        own = own[np.argsort(paths.frame[own])]
        assert (np.diff(paths.frame[own]) == 1).all()
        worth = paths.score[tube] * len(own) + iou(paths.boxes[own[:-1]], paths.boxes[own[1:]]).sum()
        worths.append((worth, len(own)))
    assert sorted(worths, reverse=True) == [pytest.approx(each) for each in brute_force(score, boxes, 0.25)]


def test_a_tube_ends_where_nothing_overlaps(make):
    rows = [(0, frame, 0, 0.5, SQUARE) for frame in (0, 1, 2, 4, 5)] + [(0, 6, 0, 0.5, FAR)]
    _, found = make(ACTOR, rows)
    assert sorted(linked(found).length) == [1, 2, 3]
    assert sorted(linked(found, min_frames=2).length) == [2, 3]
    assert linked(found, min_frames=2).tube.tolist() == sorted(linked(found, min_frames=2).tube)
    assert len(linked(found, least_score=0.6).video) == 0
    assert len(link(found).video) == 0  # none has 8 frames


def test_only_the_best_of_a_frame_are_linked(make):
    rows = [(0, frame, label, 0.1 * place, SQUARE) for frame in range(3) for place in range(1, 5) for label in (0, 1)]
    _, found = make(ACTOR, rows)
    for most in (1, 3):
        kept = linked(found, most=most)
        assert kept.length.tolist() == [3] * 2 * most
        assert sorted(kept.score) == pytest.approx(sorted([0.4, 0.3, 0.2][:most] * 2))


def test_many_videos_are_linked_as_each_alone(make, monkeypatch):
    random = np.random.default_rng(0)
    rows = [
        (video, frame, label, random.uniform(), tuple(np.concatenate([corner, corner + 0.5])))
        for video in range(2)
        for frame in range(6)
        for label in (0, 1, 1)
        for corner in random.uniform(0, 0.3, (2, 2))
    ]
    _, found = make(ACTOR, rows)
    whole = linked(found)
    monkeypatch.setattr("s3d_tf.detection.linking._AT_ONCE", 1)
    assert sorted(whole.score) == sorted(linked(found).score)
    alone = [linked(found.choose(found.video == video)).score for video in (0, 1)]
    assert sorted(whole.score) == sorted(np.concatenate(alone))


@pytest.mark.parametrize("options", [dict(min_overlap=0.0), dict(overlap_weight=-1), dict(most=0), dict(min_frames=0)])
def test_linking_that_makes_no_sense_is_refused(options):
    with pytest.raises(ValueError, match="Received"):
        Linking(**options)


def test_scores_below_0_are_refused(make):
    _, found = make(ACTOR, [(0, 0, 0, -0.5, SQUARE)])
    with pytest.raises(ValueError, match=r"must not be negative. Received: -0.5"):
        link(found)

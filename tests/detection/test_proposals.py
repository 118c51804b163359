"""Proposals, ROI pooling, losses and detections against numbers worked out by hand."""

import math

import numpy as np
import tensorflow as tf

from s3d_tf.detection import boxes, losses, postprocess, proposals, roi

ANCHORS = tf.constant([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30], [35, 35, 50, 50]])


def propose(scores, **options):
    options = dict(before=100, threshold=0.7, count=3) | options
    return proposals.propose(tf.constant([scores]), tf.zeros([1, 4, 4]), ANCHORS, (40, 40), **options)


def test_the_better_of_two_that_overlap_stays_and_the_order_is_by_score():
    found = propose([0.5, 0.6, 0.9, 0.1])
    np.testing.assert_allclose(found.boxes[0], [[20, 20, 30, 30], [0, 0, 10, 9], [35, 35, 40, 40]])  # clipped
    np.testing.assert_allclose(found.scores[0], [0.9, 0.6, 0.1])
    assert found.valid.numpy().all()


def test_of_equal_scores_the_first_anchor_stays():
    np.testing.assert_allclose(propose([0.5, 0.5, 0.1, 0.1]).boxes[0, 0], [0, 0, 10, 10])


def test_what_is_left_over_is_padding():
    found = propose([0.5, 0.6, 0.9, 0.1], before=2)
    np.testing.assert_allclose(found.boxes[0], [[20, 20, 30, 30], [0, 0, 10, 9], [0, 0, 0, 0]])
    np.testing.assert_array_equal(found.valid[0], [True, True, False])
    assert found.scores[0, 2] == 0
    np.testing.assert_allclose(propose([0.5, 0.6, 0.9, 0.1], threshold=0.95).scores[0], [0.9, 0.6, 0.5])


def test_a_box_without_area_is_no_proposal():
    found = proposals.propose(
        tf.constant([[0.5, 0.6, 0.9, 0.8]]), tf.zeros([1, 4, 4]), ANCHORS, (18, 40), before=100, threshold=0.7, count=3
    )
    np.testing.assert_allclose(found.boxes[0], [[0, 0, 10, 9], [0, 0, 0, 0], [0, 0, 0, 0]])  # two lie below row 18
    np.testing.assert_array_equal(found.valid[0], [True, False, False])


def test_a_box_without_area_is_no_detection():
    shifted = tf.constant([[0.0, 0, 0, 0], [300, 0, 0, 0]])  # 300 * 0.1 * 10 rows further down
    found = postprocess.detections(
        tf.constant([[[0.3], [0.9]]]),
        shifted[None, :, None],
        tf.constant([[[0.0, 0, 10, 10], [0, 0, 10, 10]]]),
        tf.constant([[True, True]]),
        (40, 40),
        least_score=0.0,
        threshold=0.6,
        each=5,
        most=2,
    )
    assert found["count"].numpy().tolist() == [1]
    np.testing.assert_allclose(found["scores"][0], [0.3, 0])


def test_pooling_of_a_constant_and_of_a_ramp():
    constant = roi.pool(tf.fill([1, 2, 5, 6, 3], 7.0), tf.constant([[[0.1, 0.2, 0.5, 0.9]]]), 14, 2)
    np.testing.assert_allclose(constant, np.full((1, 2, 7, 7, 3), 7.0), rtol=1e-6)
    ramp = tf.tile(tf.range(14.0)[None, None, None, :, None], [1, 1, 14, 1, 1])  # each place its column
    whole = roi.pool(ramp, tf.constant([[[0.0, 0, 1, 1]]]), 14, 2)
    np.testing.assert_allclose(whole[0, 0, :, :, 0], [np.arange(1, 14, 2)] * 7, rtol=1e-5)  # the larger of each two
    part = roi.pool(ramp, tf.constant([[[0.0, 3 / 13, 1, 9 / 13]]]), 14, 2)
    np.testing.assert_allclose(part[0, 0, 0, :, 0], 3 + 6 * np.arange(1, 14, 2) / 13, rtol=1e-5)
    rows = roi.pool(tf.transpose(ramp, [0, 1, 3, 2, 4]), tf.constant([[[0.0, 0, 1, 1]]]), 14, 2)
    np.testing.assert_allclose(rows[0, 0, :, 3, 0], np.arange(1, 14, 2), rtol=1e-5)


def test_pooling_keeps_frames_channels_and_owners_apart():
    features = np.zeros((2, 3, 4, 4, 2), np.float32)
    features += np.arange(2)[:, None, None, None, None] * 100  # clip
    features += np.arange(3)[:, None, None, None] * 10  # frame
    features += np.arange(2)  # channel
    pooled = roi.pool(
        tf.constant(features), tf.tile(tf.constant([[[0.0, 0, 1, 1], [0.5, 0.5, 1, 1]]]), [2, 1, 1]), 4, 2
    )
    assert pooled.shape == (4, 3, 2, 2, 2)
    expected = [[[clip * 100 + frame * 10 + c for c in range(2)] for frame in range(3)] for clip in (0, 0, 1, 1)]
    np.testing.assert_allclose(tf.reduce_mean(pooled, axis=(2, 3)), expected)
    np.testing.assert_allclose(tf.math.reduce_std(pooled, axis=(2, 3)), np.zeros((4, 3, 2)), atol=1e-4)


def test_a_still_clip_is_pooled_the_same_at_all_times():
    frame = tf.random.stateless_uniform([1, 1, 6, 8, 3], [1, 2])
    pooled = roi.pool(tf.repeat(frame, 4, axis=1), tf.constant([[[0.2, 0.1, 0.9, 0.7]]]), 14, 2).numpy()
    for time in range(1, 4):
        np.testing.assert_array_equal(pooled[:, time], pooled[:, 0])


def test_losses_of_a_sample():
    logits = tf.constant([[[0.0, 0.0], [0.0, math.log(3)], [9.0, -9.0]], [[0.0, 0.0]] * 3])
    labels, sampled = tf.constant([[0, 1, 1], [0, 0, 0]]), tf.constant([[True, True, False], [False] * 3])
    expected = [(math.log(2) + math.log(4 / 3)) / 2, 0]
    np.testing.assert_allclose(losses.classification(logits, labels, sampled), expected, rtol=1e-6)
    wanted = tf.constant([[[0.5, 0, 0, 2], [9, 9, 9, 9], [9, 9, 9, 9]]])
    positive = tf.constant([[True, False, True]])
    found = losses.localisation(tf.zeros([1, 3, 4]), wanted, positive, sampled[:1])
    np.testing.assert_allclose(found, [(0.125 + 1.5) / 2])  # over both that were sampled


def detect(scores, moved=0.0, **options):
    proposal = tf.constant([[[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30], [0, 0, 0, 0]]])
    scores, valid = tf.constant([scores]), tf.constant([[True, True, True, False]])
    deltas = tf.zeros([1, 4, scores.shape[2], 4]) + tf.constant([0, moved, 0, 0])
    options = dict(least_score=0.05, threshold=0.6, each=3, most=5) | options
    return {
        k: v[0].numpy() for k, v in postprocess.detections(scores, deltas, proposal, valid, (40, 40), **options).items()
    }


def test_each_class_is_thinned_out_on_its_own():
    found = detect([[0.3, 0.6], [0.4, 0.2], [0.05, 0.1], [0.9, 0.9]])  # the last is padding
    np.testing.assert_allclose(found["scores"], [0.6, 0.4, 0.1, 0, 0], rtol=1e-6)
    np.testing.assert_array_equal(found["classes"], [1, 0, 1, -1, -1])
    assert found["count"] == 3
    expected = [[0, 0, 0.25, 0.25], [0, 0, 0.25, 0.225], [0.5, 0.5, 0.75, 0.75], [0] * 4, [0] * 4]
    np.testing.assert_allclose(found["boxes"], expected)


def test_the_most_detections_of_a_class_and_of_a_frame():
    scores = [[0.3, 0.6], [0.4, 0.2], [0.35, 0.5], [0.9, 0.9]]
    np.testing.assert_allclose(detect(scores, most=2)["scores"], [0.6, 0.5])
    np.testing.assert_allclose(detect(scores, each=1)["scores"], [0.6, 0.4, 0, 0, 0], rtol=1e-6)
    np.testing.assert_array_equal(detect(scores, least_score=0.95)["classes"], [-1] * 5)


def test_boxes_of_detections_are_moved_by_their_deltas_and_clipped():
    found = detect([[0.3, 0.6], [0.0, 0.0], [0.0, 0.0], [0.9, 0.9]], moved=10.0)  # by one width to the right
    np.testing.assert_allclose(found["boxes"][0], [0, 0.25, 0.25, 0.5], rtol=1e-6)
    found = detect([[0.3, 0.6], [0.0, 0.0], [0.0, 0.0], [0.9, 0.9]], moved=-5.0)
    np.testing.assert_allclose(found["boxes"][0], [0, 0, 0.25, 0.125], rtol=1e-6)


def test_a_box_that_grew_without_bounds_ends_at_the_border():
    found = proposals.propose(
        tf.ones([1, 1]), tf.constant([[[0.0, 0, 1e4, 0]]]), ANCHORS[:1], (40, 40), before=9, threshold=0.7, count=1
    )
    np.testing.assert_allclose(found.boxes[0, 0], [0, 0, 40, 10])
    assert boxes.iou(found.boxes[0], found.boxes[0]).numpy() == 1

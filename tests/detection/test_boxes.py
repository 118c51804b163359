"""Anchors, overlaps and deltas against numbers worked out by hand."""

import math

import numpy as np
import tensorflow as tf

from s3d_tf.detection import anchors, boxes


def test_anchors_of_a_small_grid():
    found = anchors.grid(1, 2, scales=(0.5, 1.0), ratios=(1.0, 4.0), base=16, stride=16, offset=8)
    np.testing.assert_allclose(
        found,
        [
            [4, 4, 12, 12],  # first place, square, half
            [0, 0, 16, 16],
            [6, 0, 10, 16],  # four times as wide as high: 4 x 16
            [4, -8, 12, 24],
            [4, 20, 12, 28],  # second place
            [0, 16, 16, 32],
            [6, 16, 10, 32],
            [4, 8, 12, 40],
        ],
    )


def test_the_api_s_anchors_have_the_area_of_their_scale():
    found = anchors.grid(20, 25, scales=(0.25, 0.5, 1.0, 2.0), ratios=(0.5, 1.0, 2.0), base=256, stride=16).numpy()
    assert found.shape == (20 * 25 * 12, 4)
    heights, widths = found[:, 2] - found[:, 0], found[:, 3] - found[:, 1]
    np.testing.assert_allclose((heights * widths)[:12], [64**2, 128**2, 256**2, 512**2] * 3, rtol=1e-5)
    np.testing.assert_allclose((widths / heights)[:12], [0.5] * 4 + [1] * 4 + [2] * 4, rtol=1e-5)
    np.testing.assert_allclose(found[25 * 12 : 25 * 12 + 12] - found[:12], [[16, 0, 16, 0]] * 12, atol=1e-4)  # row 1


def test_anchors_that_lie_in_the_frame():
    found = anchors.inside(tf.constant([[0.0, 0, 10, 20], [-1, 0, 5, 5], [0, 0, 5, 21], [2, 2, 11, 5]]), (10, 20))
    np.testing.assert_array_equal(found, [True, False, False, False])


def test_overlaps():
    one = tf.constant([[[0.0, 0, 10, 10], [0, 0, 0, 0]]])
    others = tf.constant([[[0.0, 0, 10, 10], [5, 5, 15, 15], [20, 20, 30, 30], [0, 0, 10, 5]]])
    np.testing.assert_allclose(boxes.iou(one, others), [[[1, 25 / 175, 0, 0.5], [0, 0, 0, 0]]], rtol=1e-6)


def test_deltas_and_their_inverse():
    anchor = tf.constant([[0.0, 0, 10, 20]])
    box = tf.constant([[5.0, 0, 25, 40]])  # centre (15, 20) from (5, 10), twice as large
    deltas = boxes.encode(box, anchor)
    expected = [[10 * 1.0, 10 * 0.5, 5 * math.log(2), 5 * math.log(2)]]
    np.testing.assert_allclose(deltas, expected, rtol=1e-6)
    np.testing.assert_allclose(boxes.decode(deltas, anchor), box, rtol=1e-5)
    np.testing.assert_allclose(boxes.decode(tf.zeros([1, 4]), anchor), anchor)


def test_deltas_of_several_classes_from_one_proposal():
    proposals = tf.constant([[[0.0, 0, 10, 10], [10, 10, 20, 30]]])
    wanted = tf.random.stateless_uniform([1, 2, 3, 2], [1, 2], 0, 20)
    wanted = tf.concat([wanted, wanted + 5], -1)
    deltas = boxes.encode(wanted, proposals[:, :, None])
    np.testing.assert_allclose(boxes.decode(deltas, proposals[:, :, None]), wanted, rtol=1e-5, atol=1e-5)


def test_pixels_and_shares():
    shares = tf.constant([[0.25, 0.5, 1, 1]])
    np.testing.assert_allclose(boxes.to_pixels(shares, (40, 80)), [[10, 40, 40, 80]])
    np.testing.assert_allclose(boxes.to_shares(boxes.to_pixels(shares, (40, 80)), (40, 80)), shares)
    np.testing.assert_allclose(boxes.clip(tf.constant([[-3.0, 5, 99, 81]]), (40, 80)), [[0, 5, 40, 80]])
    infinite = tf.constant([[-math.inf, 0, math.inf, 5]])
    np.testing.assert_allclose(boxes.clip(infinite, (40, 80)), [[0, 0, 40, 5]])

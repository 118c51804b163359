"""Matching and sampling: ties, forced matches, too few of a kind; and what is wanted of the sampled."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.detection import matcher, sampler, targets

from .tiny import RECIPE


def match(overlaps, is_true=None, **options):
    overlaps = tf.constant([overlaps], tf.float32)
    is_true = tf.ones([1, overlaps.shape[2]], tf.bool) if is_true is None else tf.constant([is_true])
    return matcher.match(overlaps, is_true, **{"positive": 0.7, "negative": 0.3, **options})[0].numpy().tolist()


def test_thresholds_and_ties():
    overlaps = [[0.7, 0.2], [0.69, 0.1], [0.3, 0.0], [0.29, 0.0], [0.8, 0.8], [0.0, 0.9]]
    assert match(overlaps) == [0, -2, -2, -1, 0, 1]  # the fifth overlaps both alike: the first box


def test_forced_matches():
    assert match([[0.5, 0.1], [0.6, 0.2], [0.6, 0.0]], force=True) == [-2, 0, -2]  # the first box that wants it
    assert match([[0.5, 0.1], [0.6, 0.0], [0.6, 0.0]], force=True) == [1, 0, -2]  # of equal candidates the first
    assert match([[0.1, 0.0], [0.2, 0.0]], force=True) == [-1, 0]  # a box that nothing overlaps gets none
    assert match([[0.75, 0.8], [0.1, 0.2]], force=True) == [0, -1]


def test_padding_and_candidates():
    assert match([[0.9, 0.95], [0.1, 0.0]], is_true=[True, False]) == [0, -1]
    assert match([[0.9], [0.0]], is_true=[False], force=True) == [-1, -1]  # a frame without boxes: all background
    assert match([[0.9], [0.4], [0.0]], force=True, candidates=tf.constant([False, True, True])) == [-2, 0, -1]


def test_every_box_of_a_batch_is_matched_in_its_own_frame():
    overlaps = tf.constant([[[0.9], [0.0]], [[0.0], [0.9]]])
    found = matcher.match(overlaps, tf.ones([2, 1], tf.bool), positive=0.5, negative=0.5)
    np.testing.assert_array_equal(found, [[0, -1], [-1, 0]])


def take(positive, negative, size=8, share=0.5, seed=(1, 2)):
    return sampler.sample(tf.constant([positive]), tf.constant([negative]), size, share, tf.constant(seed))[0].numpy()


def test_half_of_a_sample_is_positive():
    positive = np.arange(100) < 20
    chosen = take(positive, ~positive)
    assert (chosen & positive).sum() == 4 and (chosen & ~positive).sum() == 4
    np.testing.assert_array_equal(chosen, take(positive, ~positive))
    assert (chosen != take(positive, ~positive, seed=(1, 3))).any()


def test_too_few_positives_are_filled_with_negatives():
    positive = np.arange(100) == 7
    chosen = take(positive, ~positive)
    assert chosen[7] and chosen.sum() == 8
    assert take(np.zeros(100, bool), np.ones(100, bool)).sum() == 8


def test_too_few_of_both_make_a_smaller_sample():
    positive, negative = np.arange(10) < 6, np.arange(10) == 9  # 6, 7 and 8 are ignored
    chosen = take(positive, negative)
    assert chosen[:6].sum() == 4 and chosen[9] and chosen.sum() == 5


def test_every_candidate_is_taken_alike():
    positive = tf.ones([2000, 10], tf.bool)
    share = tf.reduce_mean(tf.cast(sampler.sample(positive, ~positive, 4, 0.5, tf.constant([3, 4])), tf.float32), 0)
    np.testing.assert_allclose(share, [0.2] * 10, atol=0.04)  # 4.5 deviations


def test_gathering_a_sample():
    places, there = sampler.gather(tf.constant([[False, True, False, True], [False, False, True, False]]), 3)
    np.testing.assert_array_equal(places, [[1, 3, 0], [2, 0, 1]])
    np.testing.assert_array_equal(there, [[True, True, False], [True, False, False]])


def wanted(add_true_boxes):
    """Of three proposals, one invalid, beside one true box of class 2 and padding that lies on the second proposal."""
    true = targets.truth(
        tf.constant([[[0.1, 0.2, 0.5, 0.6], [0.6, 0.6, 0.9, 0.9]]]), tf.constant([[2, -1]]), tf.constant([100, 100])
    )
    proposals = tf.constant([[[10.0, 20, 50, 70], [60, 60, 90, 90], [10, 20, 50, 60]]])
    recipe = dataclasses.replace(RECIPE, proposal_sample=4, proposal_share=0.5, add_true_boxes=add_true_boxes)
    valid = tf.constant([[True, True, False]])
    boxes, found = targets.of_proposals(proposals, valid, true, recipe, tf.constant([1, 2]))
    corners = boxes[0].numpy().astype(float).round(3).tolist()
    rows = zip(corners, found.labels[0].numpy(), found.deltas[0].numpy(), found.sampled[0], strict=True)
    return {tuple(box): (label, delta) for box, label, delta, sampled in rows if sampled}


def test_a_proposals_label_is_one_more_than_its_boxes_and_padding_is_nobodys():
    found = wanted(add_true_boxes=False)
    assert set(found) == {(10, 20, 50, 70), (60, 60, 90, 90)}  # the invalid one is not sampled
    label, deltas = found[10, 20, 50, 70]
    assert label == 3
    np.testing.assert_allclose(deltas, [0, 10 * -5 / 50, 0, 5 * np.log(40 / 50)], atol=1e-5)  # of the API's scales
    assert found[60, 60, 90, 90][0] == 0


def test_true_boxes_may_be_proposals_too():
    found = wanted(add_true_boxes=True)
    label, deltas = found[10, 20, 50, 60]
    assert label == 3
    np.testing.assert_allclose(deltas, 0, atol=1e-5)
    assert len(found) == 3  # the padding is none


@pytest.mark.parametrize(("used", "labels"), [([True, True], [1, 0]), ([False, True], [0, 0])])
def test_an_anchor_that_is_not_used_is_not_learnt_from(used, labels):
    true = targets.truth(tf.constant([[[0.1, 0.1, 0.5, 0.5]]]), tf.constant([[0]]), tf.constant([100, 100]))
    anchors = tf.constant([[10.0, 10, 50, 50], [70, 70, 90, 90]])
    found = targets.of_anchors(anchors, tf.constant(used), true, RECIPE, tf.constant([1, 2]))
    assert found.labels[0].numpy().tolist() == labels
    assert found.sampled[0].numpy().tolist() == used

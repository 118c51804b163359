"""Matching and sampling: ties, forced matches, too few of a kind."""

import numpy as np
import tensorflow as tf

from s3d_tf.detection import matcher, sampler


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

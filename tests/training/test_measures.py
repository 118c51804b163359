"""Counts on made logits, worked out by hand."""

import numpy as np
import pytest

from s3d_tf.training import measures

LOGITS = np.array([[3, 2, 1], [1, 2, 3], [1, 3, 2], [0, 0, 0], [0, 9, 8], [0, 0, 5]], np.float32)
LABELS = np.array([0, 1, 0, 1, 1, 0])


def test_confusion_rows_are_true_classes():
    expected = [[1, 1, 1], [1, 1, 1], [0, 0, 0]]  # equal logits count as the lowest id
    np.testing.assert_array_equal(measures.confusion_matrix(LOGITS, LABELS), expected)
    tilted = measures.confusion_matrix(LOGITS[[2, 2, 2, 4]], np.array([0, 0, 2, 1]))
    np.testing.assert_array_equal(tilted, [[0, 2, 0], [0, 1, 0], [0, 1, 0]])


def test_each_class_by_hand_and_none_without_videos():
    confusion = np.array([[3, 1, 0], [2, 0, 0], [0, 0, 0]])
    assert measures.per_class(confusion, ("a", "b", "c")) == [
        dict(name="a", videos=4, correct=3, top1=0.75),
        dict(name="b", videos=2, correct=0, top1=0.0),
        dict(name="c", videos=0, correct=0, top1=None),
    ]
    assert measures.mean_class_accuracy(confusion) == 0.375  # not 3 of 6: each class counts the same


def test_the_trace_over_all_is_top1():
    logits = np.random.default_rng(0).normal(size=(200, 7)).astype(np.float32)
    labels = np.random.default_rng(1).integers(0, 7, 200)
    confusion = measures.confusion_matrix(logits, labels)
    assert confusion.sum() == 200
    assert np.trace(confusion) / 200 == measures.top_k(logits, labels, 1)
    np.testing.assert_array_equal(confusion.sum(1), np.bincount(labels, minlength=7))


def test_best_classes_with_their_scores():
    logits = np.log(np.array([[0.2, 0.5, 0.3], [1e-9, 0.25, 0.75]]), dtype=np.float32)
    predictions = measures.Predictions(logits, np.array([1, 0]), ["x/1.avi", "y/2.avi"], {})
    assert measures.best_classes(predictions, ("a", "b", "c"), 2) == [
        ["media_id", "label", "class_1", "score_1", "class_2", "score_2"],
        ["x/1.avi", "b", "b", "0.500000", "c", "0.300000"],
        ["y/2.avi", "a", "c", "0.750000", "b", "0.250000"],
    ]
    assert measures.softmax(np.array([[1000.0, 1000.0]], np.float32)).tolist() == [[0.5, 0.5]]
    assert measures.ranked(logits, 5).shape == (2, 3)
    assert measures.top_k(logits, predictions.labels, 1) == pytest.approx(0.5)

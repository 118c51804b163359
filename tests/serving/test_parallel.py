"""Several threads, answers in order, few at a time."""

import threading
import time

import pytest

from s3d_tf.serving.parallel import in_order


def test_answers_come_in_order_and_errors_in_their_place():
    def halve(number):
        time.sleep(0.02 * (number % 3))
        if number == 5:
            raise ValueError("five")
        return number / 2

    found = list(in_order(halve, range(20), 4))
    assert [done.item for done in found] == list(range(20))
    assert [done.value for done in found] == [None if n == 5 else n / 2 for n in range(20)]
    assert [str(done.error) for done in found if done.error] == ["five"]


def test_only_a_few_are_begun_ahead():
    begun = []
    answers = in_order(begun.append, range(1000), 2)
    next(answers)
    time.sleep(0.1)
    assert len(begun) <= 2 * 2
    assert [thread.daemon for thread in threading.enumerate() if "work" in thread.name] == [True, True]
    answers.close()
    with pytest.raises(StopIteration):
        next(answers)

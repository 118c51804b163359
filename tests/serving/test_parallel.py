"""Several threads, answers in order, few at a time."""

import threading
import time

import pytest

from s3d_tf.serving.parallel import in_order


def test_answers_come_in_order_and_errors_in_their_place():
    def halve(number):
        time.sleep(0.02 * (number % 3))
        yield number / 2
        if number == 5:
            raise ValueError("five")
        yield -number

    found = list(in_order(halve, range(20), 4))
    ends = [done for done in found if done.last]
    assert [done.item for done in ends] == list(range(20))
    assert [(done.item, str(done.error)) for done in ends if done.error] == [(5, "five")]
    values = [done.value for done in found if not done.last]
    assert values == [value for n in range(20) for value in (n / 2, -n) if (n, value) != (5, -5)]


def test_a_value_is_there_before_the_next_one():
    went_on = threading.Event()

    def two(_):
        yield 1
        assert went_on.wait(60)
        yield 2

    answers = in_order(two, [0], 1)
    assert next(answers).value == 1
    went_on.set()
    assert next(answers).value == 2
    assert next(answers).last


def test_only_a_few_are_begun_ahead():
    begun = []

    def begin(number):
        begun.append(number)
        yield number

    answers = in_order(begin, range(1000), 2)
    next(answers)
    time.sleep(0.1)
    assert len(begun) <= 2 * 2
    assert [thread.daemon for thread in threading.enumerate() if "work" in thread.name] == [True, True]
    answers.close()
    with pytest.raises(StopIteration):
        next(answers)

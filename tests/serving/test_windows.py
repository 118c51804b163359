"""Where windows start and end."""

import pytest

from s3d_tf.serving.windows import covering, sliding


def test_sliding_windows_lie_wholly_inside():
    def cut(count, window, stride=None):
        return list(sliding(iter(range(count)), window, stride))

    assert cut(5, None) == [(0, [0, 1, 2, 3, 4])]
    assert cut(5, 2) == [(0, [0, 1]), (2, [2, 3])]
    assert cut(5, 3, 1) == [(0, [0, 1, 2]), (1, [1, 2, 3]), (2, [2, 3, 4])]
    assert cut(7, 2, 4) == [(0, [0, 1]), (4, [4, 5])]
    assert cut(3, 8) == [(0, [0, 1, 2])]
    assert cut(0, 8) == []


@pytest.mark.parametrize(
    ("count", "lengths"), [(0, []), (1, [1]), (10, [10]), (11, [6, 5]), (20, [10, 10]), (21, [10, 6, 5])]
)
def test_covering_windows_hold_each_frame_once(count, lengths):
    found = list(covering(iter(range(count)), 10))
    assert [len(frames) for _, frames in found] == lengths
    assert [frame for _, frames in found for frame in frames] == list(range(count))
    assert all(frames[0] == start for start, frames in found)

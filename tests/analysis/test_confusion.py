import cv2
import numpy as np
import pytest

from s3d_tf import files
from s3d_tf.analysis import confusion

COUNTS = np.array([[3, 1, 0], [0, 0, 0], [2, 4, 2]])


def test_the_table_names_rows_and_columns(tmp_path):
    files.write_csv(tmp_path / "c.csv", confusion.table(COUNTS, ("a", "b, c", "d\udcff")))
    text = (tmp_path / "c.csv").read_bytes()
    assert text == b'true \\ predicted,a,"b, c",d\xff\na,3,1,0\n"b, c",0,0,0\nd\xff,2,4,2\n'


def test_what_is_most_confused_by_hand():
    expected = [(2, 1, 4, 0.5), (0, 1, 1, 0.25), (2, 0, 2, 0.25)]
    assert confusion.most_confused(COUNTS, 9) == [expected[0], expected[2], expected[1]]  # more videos go first
    assert confusion.most_confused(COUNTS, 1) == expected[:1]
    assert confusion.most_confused(np.eye(3, dtype=int), 9) == []


@pytest.mark.parametrize("count", [3, confusion.NAMED + 1])
def test_a_picture_of_few_and_of_many_classes(count):
    """Two matrices differ in one cell of one class: so do their pictures, and in the row of that class alone."""
    pytest.importorskip("matplotlib")
    names = [f"$x_{i}" for i in range(count - 1)] + ["\u4e2d\udcff"]
    counts = np.eye(count, dtype=int)
    changed = counts.copy()
    changed[count // 2, 0] = 1
    first, second = (picture(values, names) for values in (counts, changed))
    rows = np.flatnonzero((first != second).any(axis=(1, 2))[: first.shape[0]])
    assert min(first.shape[:2]) > 400
    assert len(rows) > 0
    if count == 3:
        assert rows.max() - rows.min() < first.shape[0] / 3


def picture(counts, names):
    encoded = confusion.draw(counts, names, "top-1 $5 %")
    return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)

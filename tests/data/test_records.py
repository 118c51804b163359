import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.data import records

CONTENT = records.Content(
    streams={"rgb": [b"a", b"b", b"c"], "flow": [b"u", b"v", b"w"]},
    timestamps=[0, 40_000, 80_000],
    size=(4, 6),
    fps=25.0,
    label=7,
    label_text="draw sword",
    media_id="draw_sword/ä.avi",
    flow_method='{"algorithm": "DualTVL1"}',
    boxes=[
        records.Box(2, 0.5, 0.0, 1.0, 0.5, 3, 1),
        records.Box(0, 0, 0.25, 1, 0.75, 3, 0),
        records.Box(0, 0, 0, 1, 1, 4, 1),
    ],
)


@pytest.mark.parametrize("streams", [("rgb",), ("flow",), ("rgb", "flow")])
def test_what_was_written_is_read(streams):
    record = records.parse(tf.constant(records.encode(CONTENT)), streams)
    assert {name: list(jpegs.numpy()) for name, jpegs in record.streams.items()} == {
        name: CONTENT.streams[name] for name in streams
    }
    assert (int(record.label), record.media_id.numpy().decode()) == (7, CONTENT.media_id)


def test_a_stream_that_is_not_there_is_empty():
    record = records.parse(records.encode(dataclasses.replace(CONTENT, streams={"rgb": [b"a"] * 3})), ("rgb", "flow"))
    assert {name: len(jpegs) for name, jpegs in record.streams.items()} == {"rgb": 3, "flow": 0}


def test_boxes_come_back_by_frame_eager_and_in_a_graph():
    serialized = records.encode(CONTENT)
    (in_graph,) = tf.data.Dataset.from_tensors(serialized).map(records.parse_boxes)
    for boxes in (records.parse_boxes(serialized), in_graph):
        assert boxes.label.to_list() == [[3, 4], [], [3]]
        assert boxes.track.to_list() == [[0, 1], [], [1]]
        assert boxes.corners.to_list() == [[[0, 0.25, 1, 0.75], [0, 0, 1, 1]], [], [[0.5, 0, 1, 0.5]]]


def test_a_box_behind_the_last_frame_is_left_out_and_no_boxes_are_none():
    late = records.Box(3, 0, 0, 1, 1, 0, 0)
    boxes = records.parse_boxes(records.encode(dataclasses.replace(CONTENT, boxes=[late])))
    assert boxes.label.to_list() == [[], [], []]
    np.testing.assert_array_equal(boxes.corners.row_lengths(), [0, 0, 0])
    assert records.parse_boxes(records.encode(dataclasses.replace(CONTENT, boxes=None))).label.to_list() == []

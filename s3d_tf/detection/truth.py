"""The ground truth of a prepared split, read from its records."""

from __future__ import annotations

import tensorflow as tf
from tqdm import tqdm

from ..data import records
from ..data.split import Split
from .annotations import GroundTruth, ground_truth


def of_split(split: Split) -> GroundTruth:
    """The boxes of all videos, by media id, in the order of the records.

    Raises:
        ValueError: no record has a box, or one is damaged.
    """
    videos = []
    for index, name in enumerate(tqdm(split.media_ids, unit="video", desc="boxes", disable=None)):
        try:
            boxes = records.parse_boxes(split.load(tf.constant(index, tf.int64)))
        except tf.errors.OpError:
            raise ValueError(
                f"A record is damaged: run scripts/inspect_dataset.py --check and prepare anew. Received: {name}"
            ) from None
        corners = tf.reshape(boxes.corners.flat_values, [-1, 4])
        fields = (boxes.label.value_rowids(), corners, boxes.label.values, boxes.track.values)
        rows = zip(*(values.numpy().tolist() for values in fields), strict=True)
        videos.append((name, [records.Box(frame, *corners, label, track) for frame, corners, label, track in rows]))
    if not any(boxes for _, boxes in videos):
        raise ValueError(f"No record has a box: prepare a set with boxes (docs/datasets.md). Received: {split.dataset}")
    return ground_truth(videos, split.classes)

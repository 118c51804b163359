"""A detector as small as they get, and clips for it; shared by the tests."""

import numpy as np
import tensorflow as tf

from s3d_tf.detection import recipes, start
from s3d_tf.training.run import Pace

RECIPE = recipes.recipe(
    "embedded_detection",
    network="top_heavy_s3d:1",
    width=0.1,
    backbone_width=0.1,
    num_frames=8,
    rows=32,
    columns=48,
    proposals=5,
    proposal_sample=4,
    detections=6,
    batch_size=2,
    clips_per_replica=2,
    steps=2,
    boundaries=(),
    learning_rates=(0.01,),
)

PACE = Pace(steps_per_call=1)


def build(recipe=RECIPE, num_classes=3):
    begin = start.start(recipe, [f"class {number}" for number in range(num_classes)], "nothing")
    return begin.build()


def example(recipe=RECIPE, size=2):
    rng = np.random.default_rng(0)
    clip = rng.integers(0, 256, (size, recipe.num_frames, recipe.rows, recipe.columns, 3), dtype=np.uint8)
    batch = dict(clip=clip, flow=clip[..., :2])
    batch |= dict(boxes=np.zeros((size, 2, 4), np.float32), labels=np.full((size, 2), -1, np.int32))
    batch["boxes"][0, 0], batch["labels"][0, 0] = (0.1, 0.2, 0.8, 0.7), 2  # the others have no boxes
    return {key: tf.constant(value) for key, value in batch.items()}


def batches(split, recipe, *, batch_size, **_):
    data = {key: value for key, value in example(recipe).items() if key != "flow"}
    return tf.data.Dataset.from_tensor_slices(data).repeat().batch(batch_size, drop_remainder=True)

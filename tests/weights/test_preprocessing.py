import json

import numpy as np
import pytest

from s3d_tf.weights import Preprocessing


def test_the_default_is_minus_one_to_one():
    (factor, *_), (offset, *_) = Preprocessing().scale_and_offset()
    np.testing.assert_allclose([0 * factor + offset, 255 * factor + offset], [-1, 1])
    assert Preprocessing().channels == 3 and Preprocessing(modality="flow").channels == 2


def test_mean_and_std():
    values = Preprocessing(mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    factor, offset = map(np.array, values.scale_and_offset())
    np.testing.assert_allclose(
        102 * factor + offset, (102 / 255 - np.array([0.4, 0.5, 0.6])) / [0.1, 0.2, 0.3], atol=1e-9
    )


@pytest.mark.parametrize(
    "values",
    [
        Preprocessing(),
        Preprocessing(modality="flow", resize=256, fps=25.0, labels=("a", "b")),
        Preprocessing(mean=(0.1, 0.2, 0.3), std=(1, 1, 1), min_frames=14),
    ],
)
def test_json_there_and_back(values):
    assert Preprocessing.from_json(json.loads(json.dumps(values.to_json()))) == values


@pytest.mark.parametrize(
    ("arguments", "received"),
    [
        (dict(modality="depth"), "modality='depth'"),
        (dict(pixel_range=(1, 0)), "pixel_range=(1, 0)"),
        (dict(mean=(0, 0, 0)), "std=None"),
        (dict(mean=(0, 0), std=(1, 1)), "mean=(0, 0)"),
        (dict(mean=(0, 0, 0), std=(1, 1, 0)), "std=(1, 1, 0)"),
        (dict(resize=(256,)), "resize=(256,)"),
        (dict(crop=300), "crop=300"),
        (dict(crop=0), "crop=0"),
        (dict(fps=0), "fps=0"),
        (dict(fps=True), "fps=True"),
        (dict(fps=float("inf")), "fps=inf"),
        (dict(mean=(0, 0, 0), std=(1.0, float("nan"), 1.0)), "std=(1.0, nan, 1.0)"),
        (dict(mean=(float("nan"), 0, 0), std=(1, 1, 1)), "mean=(nan, 0, 0)"),
        (dict(pixel_range=(-float("inf"), 1)), "pixel_range=(-inf, 1)"),
        (dict(min_frames=0), "min_frames=0"),
        (dict(labels="abc"), "labels='abc'"),
    ],
)
def test_wrong_values(arguments, received):
    with pytest.raises(ValueError) as error:
        Preprocessing(**arguments)
    assert str(error.value).endswith(received)


def test_unknown_fields():
    with pytest.raises(ValueError, match=r"Received: \{'colour': 1\}$"):
        Preprocessing.from_json(dict(colour=1))

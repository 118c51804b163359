import json

import cv2
import numpy as np
import pytest

from s3d_tf.data import flow


@pytest.fixture
def smooth():
    """Displacements of up to 20 pixels that vary as slowly as those of real videos, 64x80."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(-20, 20, (4, 5, 2)).astype(np.float32)
    return cv2.resize(coarse, (80, 64), interpolation=cv2.INTER_CUBIC)


def test_reading_back_is_within_a_step_and_what_jpeg_adds(smooth):
    clipped = np.clip(smooth, -20, 20)
    difference = abs(flow.decode(flow.encode(smooth, 95)) - clipped)
    assert difference.mean() < flow.STEP
    assert difference.max() < 6 * flow.STEP
    assert abs(flow.decode(flow.encode(smooth, 100)) - clipped).max() < 4 * flow.STEP


@pytest.mark.parametrize(("value", "level"), [(-30, 0), (-20, 0), (0, 128), (10, 191), (20, 255), (99, 255)])
def test_levels_are_those_of_the_formula(value, level):
    displacement = np.zeros((16, 16, 2), np.float32)
    displacement[..., 0] = value
    bgr = cv2.imdecode(np.frombuffer(flow.encode(displacement, 100), np.uint8), cv2.IMREAD_COLOR)
    blue, green, red = bgr.reshape(-1, 3).mean(0)
    assert abs(red - level) <= 1.5  # u is the first channel in RGB order
    assert abs(green - 128) <= 1.5  # v = 0: round(20 * 255 / 40) = 128
    assert abs(blue - 128) <= 1.5


@pytest.mark.parametrize("shift", [(3, 0), (0, -2), (-1, 2)])
def test_a_moving_texture_gives_its_displacement(shift):
    rng = np.random.default_rng(1)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (80, 80), dtype=np.uint8), (0, 0), 2)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    u, v = shift
    frame, following = texture[16:64, 16:64], texture[16 - v : 64 - v, 16 - u : 64 - u]
    measured = flow.TVL1()(np.ascontiguousarray(frame), np.ascontiguousarray(following))
    middle = measured[8:-8, 8:-8].reshape(-1, 2)
    np.testing.assert_allclose(np.median(middle, 0), shift, atol=0.1)


def test_the_method_names_every_parameter():
    method = json.loads(flow.method())
    assert method["opencv"] == cv2.__version__
    assert method["parameters"]["Lambda"] == pytest.approx(0.15)
    assert len(method["parameters"]) == 12


def test_what_is_no_jpeg_is_refused():
    with pytest.raises(ValueError, match=r"must be a JPEG. Received: b'no'"):
        flow.decode(b"no")

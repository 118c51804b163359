"""Optical flow: TV-L1 (Zach et al. 2007), as the paper takes it (section 5), and the JPEGs it is stored in.

A pixel holds the displacement (u, v) to the next frame: u to the right, v downwards, in pixels of the stored size. It
is clipped to [-20, 20] and stored in 256 steps of 40/255 pixels, as I3D's authors did.
"""

from __future__ import annotations

import json

import cv2
import numpy as np

LIMIT = 20.0
"""Pixels; larger displacements are clipped."""

STEP = 2 * LIMIT / 255
"""Pixels from one stored level to the next."""


class TVL1:
    """Flow between two frames; holds OpenCV's working memory."""

    def __init__(self):
        self._method = cv2.optflow.DualTVL1OpticalFlow_create()

    def __call__(self, frame: np.ndarray, following: np.ndarray) -> np.ndarray:
        """Two grey frames `[H, W]` uint8 -> `[H, W, 2]` float32: u, v in pixels, not clipped."""
        return self._method.calc(frame, following, None)


def method() -> str:
    """How flow is computed, as JSON: the algorithm, all its parameters, the limit and OpenCV's version."""
    tvl1 = cv2.optflow.DualTVL1OpticalFlow_create()
    names = sorted(name for name in dir(tvl1) if name.startswith("get") and name != "getDefaultName")
    parameters = {name[3:]: getattr(tvl1, name)() for name in names}
    return json.dumps(dict(algorithm="DualTVL1", opencv=cv2.__version__, limit=LIMIT, parameters=parameters))


def encode(displacement: np.ndarray, quality: int) -> bytes:
    """`[H, W, 2]` float, pixels -> a JPEG with the channels u, v, 128 in RGB order, no chroma subsampling."""
    return encode_levels(levels(displacement), quality)


def levels(displacement: np.ndarray) -> np.ndarray:
    """`[H, W, 2]` float, pixels -> `[H, W, 2]` uint8: clipped, in steps of `STEP` from -`LIMIT` up."""
    return np.round((np.clip(displacement, -LIMIT, LIMIT) + LIMIT) / STEP).astype(np.uint8)


def encode_levels(quantised: np.ndarray, quality: int) -> bytes:
    """What `levels` gives -> a JPEG as of `encode`."""
    constant = np.full(quantised.shape[:2], 128, np.uint8)
    bgr = np.dstack([constant, quantised[..., 1], quantised[..., 0]])  # imencode takes BGR
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", bgr, options)[1].tobytes()


def decode(jpeg: bytes) -> np.ndarray:
    """A JPEG of `encode` -> `[H, W, 2]` float32: u, v in pixels, in [-20, 20].

    Raises:
        ValueError: no image.
    """
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"A flow frame must be a JPEG. Received: {jpeg[:16]!r}")
    return bgr[..., [2, 1]].astype(np.float32) * np.float32(STEP) - np.float32(LIMIT)

"""Inception-V1 as rows: one row a layer, the authors' names, bottom to top (Figure 2 of the paper)."""

from __future__ import annotations

from typing import NamedTuple


class Conv(NamedTuple):
    name: str
    channels: int
    kernel: tuple[int, int, int]  # frames, rows, columns when the unit is 3D
    strides: tuple[int, int, int] = (1, 1, 1)


class MaxPool(NamedTuple):
    name: str
    kernel: tuple[int, int, int]
    strides: tuple[int, int, int]


class Mixed(NamedTuple):
    name: str
    channels: tuple  # 1x1, (1x1, 3x3), (1x1, 3x3), 1x1 after the pool


ROWS = (  #                                                                       at 64x224x224: T x H x W x C
    Conv("Conv2d_1a_7x7", 64, (7, 7, 7), (2, 2, 2)),  #                                        32x112x112x64
    MaxPool("MaxPool_2a_3x3", (1, 3, 3), (1, 2, 2)),  #                                        32x56x56x64
    Conv("Conv2d_2b_1x1", 64, (1, 1, 1)),  #                                                   32x56x56x64
    Conv("Conv2d_2c_3x3", 192, (3, 3, 3)),  #                                                  32x56x56x192
    MaxPool("MaxPool_3a_3x3", (1, 3, 3), (1, 2, 2)),  #                                        32x28x28x192
    Mixed("Mixed_3b", (64, (96, 128), (16, 32), 32)),  #                                       32x28x28x256
    Mixed("Mixed_3c", (128, (128, 192), (32, 96), 64)),  #                                     32x28x28x480
    MaxPool("MaxPool_4a_3x3", (3, 3, 3), (2, 2, 2)),  #                                        16x14x14x480
    Mixed("Mixed_4b", (192, (96, 208), (16, 48), 64)),  #                                      16x14x14x512
    Mixed("Mixed_4c", (160, (112, 224), (24, 64), 64)),  #                                     16x14x14x512
    Mixed("Mixed_4d", (128, (128, 256), (24, 64), 64)),  #                                     16x14x14x512
    Mixed("Mixed_4e", (112, (144, 288), (32, 64), 64)),  #                                     16x14x14x528
    Mixed("Mixed_4f", (256, (160, 320), (32, 128), 128)),  #                                   16x14x14x832
    MaxPool("MaxPool_5a_2x2", (2, 2, 2), (2, 2, 2)),  #                                        8x7x7x832
    Mixed("Mixed_5b", (256, (160, 320), (32, 128), 128)),  #                                   8x7x7x832
    Mixed("Mixed_5c", (384, (192, 384), (48, 128), 128)),  #                                   8x7x7x1024
)

UNITS = tuple(row.name for row in ROWS if isinstance(row, Mixed) or (isinstance(row, Conv) and row.kernel[0] > 1))
"""The 11 spatio-temporal units, bottom to top: what the surgery of section 4 turns 2D, 3D or separable."""

STEM = UNITS[0]

ENDPOINTS = tuple(row.name for row in ROWS)
"""The names under which a network's activations can be tapped."""

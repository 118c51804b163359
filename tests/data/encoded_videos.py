"""Video files of codecs, rates and colours that OpenCV cannot write, encoded with PyAV."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

_ONE = 1 << 16
_MATRICES = {
    0: (_ONE, 0, 0, 0, _ONE, 0, 0, 0, 1 << 30),
    90: (0, _ONE, 0, -_ONE, 0, 0, 0, 0, 1 << 30),
    180: (-_ONE, 0, 0, 0, -_ONE, 0, 0, 0, 1 << 30),
    270: (0, -_ONE, 0, _ONE, 0, 0, 0, 0, 1 << 30),
}
"""Display matrices of an mp4 track, by degrees clockwise."""

_MATRIX = {"bt709": 1, "bt2020": 9}
_RANGE = {"tv": 1, "pc": 2}
"""FFmpeg's numbers of colour matrices and ranges."""


def moving(num_frames: int, height: int = 64, width: int = 96) -> np.ndarray:
    """A random texture that moves: `[T, H, W, 3]` uint8."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8 + 9, width // 8 + 9, 3), dtype=np.uint8)
    texture = coarse.repeat(8, 0).repeat(8, 1)
    places = [(2 * index % 64, 3 * index % 64) for index in range(num_frames)]
    return np.stack([texture[y : y + height, x : x + width] for y, x in places])


def write(
    path: Path,
    frames: np.ndarray,
    codec: str,
    *,
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    unit: Fraction = Fraction(1, 25),
    colors: tuple[str, str] | None = None,
    **options: str,
) -> Path:
    """Encodes `[T, H, W, 3]` uint8 RGB frames; the container is that of the path's ending.

    Args:
        times: of each frame, in units; 0, 1, 2, ... by default.
        colors: keys of `_MATRIX` and `_RANGE`: how RGB becomes YUV, and what the stream declares.
        options: of the encoder; underscores stand for hyphens.
    """
    with av.open(str(path), "w") as container:
        given = {name.replace("_", "-"): value for name, value in options.items()}
        stream = container.add_stream(codec, rate=25, options=given)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        stream.codec_context.time_base = unit
        if colors:
            stream.codec_context.colorspace, stream.codec_context.color_range = _MATRIX[colors[0]], _RANGE[colors[1]]
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            frame = _convert(frame, pixels, *colors) if colors else frame.reformat(format=pixels)
            frame.pts, frame.time_base = index if times is None else times[index], unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _convert(frame: av.VideoFrame, pixels: str, matrix: str, scale: str) -> av.VideoFrame:
    """Converts RGB with FFmpeg's scale filter: the `reformat` of PyAV 17 does not know BT.2020."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format.name, time_base=Fraction(1))
    filters = (
        graph.add("scale", f"out_color_matrix={matrix}:out_range={scale}"),
        graph.add("format", f"pix_fmts={pixels}"),
    )
    graph.link_nodes(source, *filters, graph.add("buffersink")).configure()
    graph.push(frame)
    return graph.pull()


def write_av1(path: Path, frames: np.ndarray, **options) -> Path:
    """As `write`; SVT-AV1 at its fastest that keeps the picture."""
    return write(path, frames, "libsvtav1", preset="8", crf="10", **options)


def turn(path: Path, degrees: int) -> None:
    """Makes an mp4 say that its picture is to be turned clockwise."""
    content = path.read_bytes()
    place = content.index(b"tkhd") + 4 + 40
    path.write_bytes(content[:place] + struct.pack(">9i", *_MATRICES[degrees]) + content[place + 36 :])


def damage(path: Path, number: int) -> None:
    """Overwrites a packet of an mp4, in the order of decoding, so that the decoder rejects it."""
    with av.open(str(path)) as container:
        packet = list(container.demux(video=0))[number]
    content = path.read_bytes()
    path.write_bytes(content[: packet.pos] + b"\xff" * packet.size + content[packet.pos + packet.size :])

"""What callers send -> the pixels a network sees, inside the exported graph; every refusal is a sentence.

Memory is taken only for what the limits allow: of a JPEG the header is read first.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from ..data import clips
from ..weights import Preprocessing

JPEG_START = b"\xff\xd8\xff"


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one call may ask for.

    Attributes:
        max_clips: B.
        max_frames: T of a clip, as sent and as looped. A network needs about 4 MB for each frame at 224x224.
        max_pixels: rows x columns of a frame, as sent and as resized.

    Raises:
        ValueError: a limit below 1.
    """

    max_clips: int = 4
    max_frames: int = 256
    max_pixels: int = 3840 * 2160

    def __post_init__(self):
        if min(dataclasses.astuple(self)) < 1:
            raise ValueError(f"A limit is 1 or more. Received: {self}")

    def check(self, preprocessing: Preprocessing) -> None:
        """Whether a clip of the size that a network wants is within the limits.

        Raises:
            ValueError: none is.
        """
        p = preprocessing
        rows, columns = p.resize if isinstance(p.resize, tuple) else (p.resize, p.resize)
        if p.min_frames > self.max_frames or rows * columns > self.max_pixels:
            raise ValueError(
                f"The limits must admit {p.min_frames} frames of {rows}x{columns} pixels, which the network sees. "
                f"Received: {self}"
            )


UNLIMITED = Limits(2**31 - 1, 2**31 - 1, 2**62)
"""For videos of our own, in this process."""


def require(condition: tf.Tensor, sentence: str, *values: tf.Tensor):
    """A context that is entered where `condition` holds; else the graph raises InvalidArgument with the sentence.

    Args:
        sentence: with a `{}` for each of the values.
    """
    text = tf.strings.format(sentence, values) if values else sentence
    return tf.control_dependencies([tf.debugging.Assert(condition, [text])])


def from_jpegs(jpegs: tf.Tensor, preprocessing: Preprocessing, limits: Limits) -> tf.Tensor:
    """JPEG strings `[B, T]` -> `[B, T, crop, crop, C]` uint8, resized, the centre cropped.

    Raises:
        tf.errors.InvalidArgumentError: while running: no frame, too many or too large ones, no JPEG, mixed sizes.
    """
    p = preprocessing
    with _counted(tf.shape(jpegs), p, limits):
        begins = tf.strings.substr(jpegs, 0, len(JPEG_START)) == JPEG_START  # [B, T]
    with require(tf.reduce_all(begins), "Frame {} of clip {} is no JPEG.", *_first(~begins)):
        sizes = tf.map_fn(_size_of, tf.reshape(jpegs, [-1]), fn_output_signature=tf.TensorSpec([2], tf.int32))
    sizes = tf.reshape(sizes, tf.concat([tf.shape(jpegs), [2]], 0))  # [B, T, rows and columns]
    differs = tf.reduce_any(sizes != sizes[:, :1], -1)
    mixed = "Frame {} of clip {} is of another size than the clip's first."
    with (
        require(~tf.reduce_any(differs), mixed, *_first(differs)),
        _sized(tf.reshape(sizes[:, 0], [-1, 2]), p, limits),
    ):
        flat = tf.reshape(sizes, [-1, 2])
    spec = tf.TensorSpec([p.crop, p.crop, p.channels], tf.uint8)
    pixels = tf.map_fn(lambda frame: _decode(*frame, p), (tf.reshape(jpegs, [-1]), flat), fn_output_signature=spec)
    return tf.reshape(pixels, tf.concat([tf.shape(jpegs), spec.shape], 0))


def from_pixels(frames: tf.Tensor, preprocessing: Preprocessing, limits: Limits) -> tf.Tensor:
    """`[B, T, H, W, C]` uint8 of any size -> `[B, T, crop, crop, C]` uint8, resized, the centre cropped.

    Raises:
        tf.errors.InvalidArgumentError: while running: no frame, too many or too large ones.
    """
    p = preprocessing
    frames = tf.ensure_shape(frames, [None, None, None, None, p.channels])  # names the shape that was received
    shape = tf.shape(frames)
    with _counted(shape, p, limits):
        size = tf.identity(shape[2:4])
    with _sized(size[None], p, limits):
        flat = tf.reshape(frames, [-1, shape[2], shape[3], p.channels])
    target = clips.target_size(size[0], size[1], p.resize)
    spec = tf.TensorSpec([p.crop, p.crop, p.channels], tf.uint8)

    def resized() -> tf.Tensor:  # a frame at a time: of a long one much is resized and little cropped
        return tf.map_fn(lambda frame: _resized(frame, target, p), flat, fn_output_signature=spec)

    fits = tf.reduce_all(size == target)
    cropped = tf.cond(fits, lambda: clips.crop_centre(flat, p.crop), resized)
    return tf.reshape(cropped, [shape[0], shape[1], *spec.shape])


def to_clip(pixels: tf.Tensor, preprocessing: Preprocessing) -> tf.Tensor:
    """`[B, T, crop, crop, C]` uint8 -> what the network sees, `[B, T', crop, crop, C]` float32; a short clip is looped
    up to `min_frames`."""
    available = tf.maximum(tf.shape(pixels)[1], 1)  # shapes may be looked at before a call without frames is refused
    pixels = tf.gather(pixels, clips.all_frames(available, preprocessing.min_frames), axis=1)
    return clips.scale(pixels, *preprocessing.scale_and_offset())


def _counted(shape: tf.Tensor, p: Preprocessing, limits: Limits):
    """`shape` `[B, T, ...]`: at least one clip of one frame, not too many."""
    num_clips, num_frames = shape[0], shape[1]
    some = "A call needs at least one clip of one frame; received {} clips of {} frames."
    few = f"A call takes at most {limits.max_clips} clips of {limits.max_frames} frames; received {{}} clips of {{}}."
    within = (num_clips <= limits.max_clips) & (tf.maximum(num_frames, p.min_frames) <= limits.max_frames)
    with require((num_clips > 0) & (num_frames > 0), some, num_clips, num_frames):
        within = tf.identity(within)
    return require(within, few, num_clips, num_frames)


def _sized(sizes: tf.Tensor, p: Preprocessing, limits: Limits):
    """`sizes` `[N, 2]`, rows and columns: none too large, as it is and resized; of flow none to be resized."""
    rows, columns = sizes[:, 0], sizes[:, 1]
    with require(tf.reduce_all(sizes > 0), "A frame needs at least one pixel; received {} (rows, columns).", sizes[0]):
        sizes = tf.identity(sizes)
    targets = tf.map_fn(lambda size: clips.target_size(size[0], size[1], p.resize), sizes)
    if p.modality == "flow":
        fits = tf.reduce_all(sizes == targets, -1)
        text = "Flow cannot be resized: it must have {} pixels (rows, columns); received {}."
        place = tf.argmin(fits)
        return require(tf.reduce_all(fits), text, targets[place], sizes[place])
    pixels = [tf.reduce_prod(tf.cast(size, tf.int64), -1) for size in (sizes, targets)]
    within = tf.maximum(*pixels) <= limits.max_pixels
    place = tf.argmin(within)
    text = f"A frame may have {limits.max_pixels} pixels, also when resized; received {{}}x{{}} (rows, columns)."
    return require(tf.reduce_all(within), text, rows[place], columns[place])


def _first(wrong: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Of `[B, T]` bool, not empty: frame and clip of the first True."""
    place = tf.argmax(tf.reshape(wrong, [-1]), output_type=tf.int32)
    length = tf.maximum(tf.shape(wrong)[1], 1)
    return place % length, place // length


def _size_of(jpeg: tf.Tensor) -> tf.Tensor:
    return tf.io.extract_jpeg_shape(jpeg)[:2]


def _decode(jpeg: tf.Tensor, size: tf.Tensor, p: Preprocessing) -> tf.Tensor:
    """One frame `[crop, crop, C]` uint8; of one that has its size already only the crop is decoded, as in training."""
    target = clips.target_size(size[0], size[1], p.resize)
    box = clips.centre_box(target[0], target[1], p.crop)
    method = dict(channels=3, dct_method="INTEGER_ACCURATE")

    def as_it_is() -> tf.Tensor:
        return tf.image.decode_and_crop_jpeg(jpeg, box, **method)

    def resized() -> tf.Tensor:
        return _resized(tf.image.decode_jpeg(jpeg, **method), target, p)

    pixels = tf.cond(tf.reduce_all(size == target), as_it_is, resized)
    return tf.ensure_shape(pixels[..., : p.channels], [p.crop, p.crop, p.channels])


def _resized(frame: tf.Tensor, target: tf.Tensor, p: Preprocessing) -> tf.Tensor:
    """One frame `[H, W, C]` uint8 -> the centre of it at another size, `[crop, crop, C]`."""
    return clips.crop_centre(clips.resize(frame[None], target), p.crop)[0]

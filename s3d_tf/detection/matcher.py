"""Which true box an anchor or a proposal stands for: the one it overlaps most, if that is enough."""

from __future__ import annotations

import tensorflow as tf

BACKGROUND, IGNORED = -1, -2


def match(
    overlaps: tf.Tensor,
    is_true: tf.Tensor,
    *,
    positive: float,
    negative: float,
    force: bool = False,
    candidates: tf.Tensor | None = None,
) -> tf.Tensor:
    """The Object Detection API's argmax matcher. Of equal overlaps the first counts, of boxes and of candidates.

    Args:
        overlaps: `[B, N, M]` float32, intersection over union of N anchors or proposals with M true boxes.
        is_true: `[B, M]` bool, False where a box is padding.
        positive: least overlap of a match.
        negative: what overlaps less with every box is background; what lies between is ignored.
        force: every true box also gets the candidate that overlaps it most, however little, unless not at all. Where
            several boxes want the same one, the first of them gets it.
        candidates: `[B, N]` or `[N]` bool; the others are ignored. All by default.

    Returns:
        `[B, N]` int32: number of the true box, `BACKGROUND` or `IGNORED`.
    """
    overlaps = tf.where(is_true[:, None, :], overlaps, -1.0)
    if candidates is not None:
        overlaps = tf.where(candidates[..., None], overlaps, -1.0)
    best = tf.argmax(overlaps, axis=2, output_type=tf.int32)
    most = tf.reduce_max(overlaps, axis=2)
    matches = tf.where(most >= positive, best, tf.where(most < negative, BACKGROUND, IGNORED))
    if force:
        wanted = tf.argmax(overlaps, axis=1, output_type=tf.int32)  # [B, M]
        wants = tf.one_hot(wanted, tf.shape(overlaps)[1], axis=1, on_value=True, off_value=False)  # [B, N, M]
        wants &= (tf.reduce_max(overlaps, axis=1) > 0)[:, None]
        first = tf.argmax(tf.cast(wants, tf.int8), axis=2, output_type=tf.int32)
        matches = tf.where(tf.reduce_any(wants, axis=2), first, matches)
    return matches if candidates is None else tf.where(candidates, matches, IGNORED)

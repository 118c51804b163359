"""A detector on a video file, and what is drawn of it."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.analysis import boxes_drawn, detected, movie
from s3d_tf.data.synthetic import write_video
from s3d_tf.detection import recipes
from s3d_tf.serving import detect
from s3d_tf.weights import Preprocessing


def test_the_ends_of_a_video_are_repeated():
    assert list(detect.padded(iter("abc"), 2, 3)) == list("aaabcccc")
    assert list(detect.padded(iter([]), 2, 3)) == []


class Echo:
    """In place of a detector: says of each clip the first pixel of its frames, as scores."""

    recipe = recipes.recipe("embedded_detection", num_frames=8, rows=32, columns=48)

    def __call__(self, batch):

        shown = tf.cast(batch["clip"][:, :, 0, 0, 0], tf.float32) / 255  # [B, T]
        size = tf.shape(shown)
        boxes = tf.tile(tf.constant([0.25, 0.5, 0.75, 1.0]), [size[0] * size[1]])
        classes = tf.tile(tf.range(size[1])[None], [size[0], 1])
        boxes = tf.reshape(boxes, [size[0], size[1], 4])
        return dict(boxes=boxes, scores=shown, classes=classes, count=tf.fill(size[:1], 8))


def test_each_frame_is_the_key_frame_once(tmp_path):
    frames = np.stack([np.full((40, 60, 3), 20 * number, np.uint8) for number in range(1, 11)])
    write_video(tmp_path / "grey.avi", frames, 25.0)
    echo = Echo()
    echo.preprocessing = Preprocessing(labels=tuple("abcdefgh"))
    found = list(detect.detect(echo, tmp_path / "grey.avi", least_score=0.0, batch_size=4))
    assert [number for number, _ in found] == list(range(10))
    for number, boxes in found:
        expected = [20 * (min(max(number - 4 + place, 0), 9) + 1) for place in range(8)]  # the key frame is the fifth
        np.testing.assert_allclose([255 * box.score for box in boxes], expected, atol=2)  # JPEG
        assert [box.label for box in boxes] == list("abcdefgh") and boxes[0].box == (0.25, 0.5, 0.75, 1.0)
    few = next(iter(detect.detect(echo, tmp_path / "grey.avi", least_score=0.3)))[1]
    assert [box.label for box in few] == ["h"]  # 80 / 255


def test_boxes_are_drawn_where_they_are_and_the_best_on_top(tmp_path):
    boxes = [detect.Detection("a", 0.9, (0.5, 0.5, 1, 1)), detect.Detection("b", 0.5, (0.5, 0, 1, 1))]
    image = boxes_drawn.draw(np.zeros((100, 200, 3), np.uint8), boxes, ("a", "b"))  # enlarged twice
    assert image[150, 200].tolist() == image[199, 300].tolist() == [255, 64, 64]  # the first colour is red
    assert image[150, 0].tolist() == [64, 255, 255] and not image[150, 100].any()
    sheet = boxes_drawn.sheet(dict.fromkeys(range(5), image))
    assert sheet.shape == (2 * (120 + 4), 4 * 244, 3)
    movie.write_movie(tmp_path / "boxes.mp4", [image] * 3, 25.0)
    reader = cv2.VideoCapture(str(tmp_path / "boxes.mp4"))
    read = [reader.read()[1] for _ in range(3)]
    assert all(frame.shape == (200, 400, 3) for frame in read)
    assert all(np.abs(frame[..., ::-1].astype(int) - image).mean() < 10 for frame in read)
    assert [path.name for path in tmp_path.iterdir()] == ["boxes.mp4"]


def test_results_do_not_go_among_the_frames(tmp_path):
    for inside in (tmp_path / "x" / "..", tmp_path / "found"):
        with pytest.raises(ValueError, match="mixed up; name another --output_dir"):
            detected.write(tmp_path, [], ("a",), inside, 0.5)


def test_somebody_s_video_is_not_overwritten(tmp_path):
    frames = np.zeros((3, 40, 60, 3), np.uint8)
    write_video(tmp_path / "a.avi", frames, 25.0)
    (tmp_path / "a.avi.mp4").write_bytes(b"mine")
    options = (["x"], tmp_path, 0.5)
    with pytest.raises(ValueError, match=r"somebody's would be overwritten; .*a\.avi\.mp4"):
        detected.write(tmp_path / "a.avi", [], *options)
    (tmp_path / "a.avi.mp4").unlink()
    found = [(number, [detect.Detection("x", 0.4 + 0.1 * number, (0, 0, 1, 1))]) for number in range(3)]
    told = [detected.write(tmp_path / "a.avi", found, *options) for _ in range(2)]  # one's own are
    assert told[0].startswith("2 boxes that score 0.5 or more (the best 0.60) in 3 frames: ") and told[0] == told[1]
    assert (tmp_path / "a.avi.mp4").read_bytes() != b"mine"

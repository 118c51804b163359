import os
import struct

import cv2
import numpy as np
import pytest

from s3d_tf.data import frame_folders, frames, synthetic, video
from tests.conftest import shared_folder


@pytest.fixture
def ramp(tmp_path):
    """A video of 10 grey frames, each 20 levels brighter, 48x64."""
    levels = np.full((10, 48, 64, 3), 20, np.uint8) * np.arange(1, 11, dtype=np.uint8).reshape(-1, 1, 1, 1)
    synthetic.write_video(tmp_path / "ramp.avi", levels, fps=10)
    return tmp_path / "ramp.avi"


def test_frames_come_in_order_with_time_stamps(ramp):
    clip = video.read_video(ramp)
    assert [round(frame.rgb.mean() / 20) for frame in clip.frames] == list(range(1, 11))
    assert [frame.timestamp for frame in clip.frames] == [100_000 * i for i in range(10)]
    assert (clip.fps, clip.declared_frames) == (10, 10)


def test_frames_are_rgb_and_resized(tmp_path):
    red = np.zeros((3, 48, 64, 3), np.uint8)
    red[..., 0] = 250
    synthetic.write_video(tmp_path / "red.avi", red, fps=25)
    frame = video.read_video(tmp_path / "red.avi", size=(24, 40)).frames[0].rgb
    assert frame.shape == (24, 40, 3)
    np.testing.assert_allclose(frame.reshape(-1, 3).mean(0), [250, 0, 0], atol=6)


def test_an_image_of_the_size_asked_for_is_not_touched():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert video.resize(image, (4, 4)) is image


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"this is no video\n" * 9, "a text file, not a video"),
        (b"\0\1\2\3" * 99, "not a video that OpenCV can open"),
        (cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes(), "a JPEG image, not a video"),
        (cv2.imencode(".png", np.zeros((16, 16, 3), np.uint8))[1].tobytes(), "a PNG image, not a video"),
    ],
)
def test_what_is_no_video_is_named(tmp_path, content, reason):
    (tmp_path / "file.mp4").write_bytes(content)
    with pytest.raises(video.VideoError, match=reason):
        video.read_video(tmp_path / "file.mp4")


def test_a_text_file_is_not_rendered_as_a_video(tmp_path):
    (tmp_path / "notes.txt").write_text("# Notes\n" * 200)
    with pytest.raises(video.VideoError, match="a text file"):
        video.read_video(tmp_path / "notes.txt")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(video.VideoError, match="No such file"):
        video.read_video(tmp_path / "missing.mp4")
    with pytest.raises(video.VideoError, match="a folder, not a video file"):
        video.read_video(tmp_path)


def test_a_name_that_is_no_utf8_is_refused_instead_of_a_crash(tmp_path, ramp):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.avi")
    os.symlink(ramp, path)
    with pytest.raises(video.VideoError, match="not UTF-8; rename it"):
        video.read_video(os.fsdecode(path))


def test_a_truncated_file_is_told_from_a_whole_one(tmp_path, ramp):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (20, 64, 64, 3), dtype=np.uint8)  # frames of even size in bytes
    synthetic.write_video(tmp_path / "noise.avi", noise, fps=25)
    whole = (tmp_path / "noise.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(video.VideoError, match=r"truncated or damaged: \d+ of 20 declared frames decode"):
        video.read_video(tmp_path / "cut.avi")
    assert 5 < len(video.read_video(tmp_path / "cut.avi", min_decoded=0).frames) < 15


def test_rotation_tags_are_honoured(tmp_path):
    """The matrix of an mp4's track says: turn by a quarter to the right."""
    path = tmp_path / "turned.mp4"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 25, (64, 32))
    frame = np.zeros((32, 64, 3), np.uint8)
    frame[:, 32:] = 200  # bright on the right
    for _ in range(5):
        writer.write(frame)
    writer.release()
    content = path.read_bytes()
    place = content.index(b"tkhd") + 4 + 40
    one = 1 << 16
    matrix = struct.pack(">9i", 0, one, 0, -one, 0, 0, 32 * one, 0, 1 << 30)
    path.write_bytes(content[:place] + matrix + content[place + 36 :])
    rgb = video.read_video(path).frames[0].rgb
    assert rgb.shape == (64, 32, 3)
    assert rgb[:24].max() < 40 and rgb[40:].min() > 160  # bright below


def test_a_frame_that_cannot_be_retrieved_is_named(ramp, monkeypatch):
    """Boxes go by the number of the frame: a video that lacks one in its middle must not keep them."""
    failing = Retrieving(video.video_files.cv2.VideoCapture, 4)
    monkeypatch.setattr(video.video_files.cv2, "VideoCapture", failing)
    reader = video.open_video(ramp)
    assert len(list(reader.frames())) == 9
    assert reader.damaged == ["frame 4"]


class Retrieving:
    """A `cv2.VideoCapture` of which one frame cannot be retrieved."""

    def __init__(self, capture, failing):
        self._make, self._failing, self._count = capture, failing, -1

    def __call__(self, *arguments):
        self._capture = self._make(*arguments)
        return self

    def __getattr__(self, name):
        return getattr(self._capture, name)

    def retrieve(self):
        self._count += 1
        return (False, None) if self._count == self._failing else self._capture.retrieve()


def stamped(*milliseconds):
    return [video.Frame(np.full((1, 1, 3), i, np.uint8), ms * 1000) for i, ms in enumerate(milliseconds)]


@pytest.mark.parametrize(
    ("stamps", "fps", "chosen"),
    [
        ((0, 100, 200), 10, [0, 1, 2]),
        ((0, 100, 200), 20, [0, 0, 1, 1, 2, 2]),
        ((0, 40, 80, 120, 160, 200), 12.5, [0, 2, 4]),
        ((0, 33, 67, 100), 30, [0, 1, 2, 3]),  # stamps rounded to milliseconds
        ((0, 100, 400, 450), 10, [0, 1, 1, 1, 2]),  # a variable rate
        ((500, 600), 10, [0, 1]),  # does not start at 0
        ((0,), 25, [0, 0, 0]),  # one frame, declared to last 100 ms
        ((), 25, []),
    ],
)
def test_resampling_shows_the_frame_of_each_moment(stamps, fps, chosen):
    resampled = list(frames.resample(stamped(*stamps), fps, declared_fps=10))
    assert [int(frame.rgb[0, 0, 0]) for frame in resampled] == chosen
    assert [frame.timestamp for frame in resampled] == [round(k * 1e6 / fps) for k in range(len(chosen))]


def test_a_span_is_cut_by_time_stamps(ramp):
    reader = video.open_video(ramp)
    part = list(reader.frames(0.3, 0.6))
    assert [(round(frame.rgb.mean() / 20), frame.timestamp) for frame in part] == [(4, 0), (5, 100_000), (6, 200_000)]
    assert (reader.dropped, reader.decoded, reader.reached_end) == (3, 6, False)
    reader.check()
    with pytest.raises(video.VideoError, match="none of 10 declared frames decodes"):
        reader = video.open_video(ramp)
        reader.check()


def test_a_folder_of_frames_in_natural_order(tmp_path):
    for index in range(1, 13):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((20, 30, 3), (0, 0, 10 * index), np.uint8))
    reader = video.open_video(tmp_path, fps=5)
    found = list(reader.frames(0.4, 2.0))
    assert [frame.rgb[0, 0].tolist() for frame in found] == [[10 * index, 0, 0] for index in range(3, 11)]
    assert (reader.fps, reader.declared_frames, found[1].timestamp) == (5, 12, 200_000)


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_a_damaged_image_among_frames_is_named(tmp_path, ending):
    rng = np.random.default_rng(0)
    for index in range(10):
        cv2.imwrite(str(tmp_path / f"{index}{ending}"), rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    half = tmp_path / f"7{ending}"
    half.write_bytes(half.read_bytes()[:-100])
    reader = video.open_video(tmp_path, fps=5)
    assert [frame.timestamp for frame in reader.frames()] == [200_000 * index for index in range(10) if index != 7]
    assert reader.damaged == [half.name]
    reader.check(0.9)
    with pytest.raises(video.VideoError, match=rf"9 of 10 declared frames decode \(damaged: 7{ending}\)"):
        reader.check(0.95)


def test_an_image_that_declares_too_many_pixels_is_not_decoded():
    png = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    with pytest.raises(video.VideoError, match="frames of 4x20000 pixels, more than 16384 a side"):
        frame_folders.decode_image(png[:16] + (20000).to_bytes(4, "big") + png[20:])


def test_an_image_that_is_no_jpeg_or_png_is_not_decoded():
    bmp = cv2.imencode(".bmp", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    with pytest.raises(video.VideoError, match="no JPEG or PNG"):
        frame_folders.decode_image(bmp)


def test_a_video_that_declares_too_many_pixels_is_not_decoded(ramp, monkeypatch):
    monkeypatch.setattr(frames, "MAX_SIDE", 60)
    with pytest.raises(video.VideoError, match="frames of 48x64 pixels, more than 60 a side"):
        video.open_video(ramp)


def test_a_short_side_keeps_the_shape():
    assert video.resize(np.zeros((48, 64, 3), np.uint8), 24).shape == (24, 32, 3)
    assert video.resize(np.zeros((64, 48, 3), np.uint8), 24).shape == (32, 24, 3)


@pytest.mark.skipif(shared_folder() is None, reason="no folder of odd clips beside the checkout")
@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("clips/kinetics/flipping_a_pancake.mkv", 310),
        ("odd/decord_video_90.mov", 3),
        ("odd/one_frame.avi", 1),
        ("odd/punch_no_index.avi", 48),
        ("odd/torchcodec_discard_first_keyframe.mp4", 25),
        ("odd/torchcodec_testsrc2_odd_height_and_width_vp9.mp4", 25),
        ("odd/decord_corrupted.mp4", None),
        ("odd/punch_truncated_30pct.avi", None),
        ("odd/torchcodec_av1_video.mkv", 125),
        ("odd/torchcodec_sine_mono_u8.wav", None),
    ],
)
def test_real_odd_files(name, frames):
    path = shared_folder() / name
    if not os.path.exists(path):
        pytest.skip(f"{name} is missing")
    if frames is None:
        with pytest.raises(video.VideoError):
            video.read_video(path)
    else:
        assert len(video.read_video(path).frames) == frames

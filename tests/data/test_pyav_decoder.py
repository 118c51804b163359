"""Videos that OpenCV yields no frame of: PyAV decodes them, and gives what OpenCV would."""

import json
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import tensorflow as tf

from s3d_tf.analysis import input_speed
from s3d_tf.data import frames, listing, prepare, records, runners, synthetic, video, video_files
from tests.conftest import shared_folder
from tests.data import encoded_videos
from tests.data.encoded_videos import moving, write, write_av1

PYAV = f"PyAV {av.__version__}"


def mp4v(path):
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 29.97, (96, 64))
    for frame in moving(20):
        writer.write(frame[..., ::-1])
    writer.release()


GAPS = np.cumsum([0, *(33, 33, 34, 100, 250) * 4]).tolist()  # milliseconds

FILES = {
    "mp4v.mp4": mp4v,
    "mjpeg.avi": lambda path: synthetic.write_video(path, moving(20), 12),
    "b_frames.mp4": lambda path: write(path, moving(30), "libx264", bf="3"),
    "no_time_stamps.avi": lambda path: write(path, moving(30), "libx264", bf="3"),
    "variable_rate.mp4": lambda path: write(path, moving(20), "libx264", times=GAPS, unit=Fraction(1, 1000)),
    "variable_rate.mkv": lambda path: write(path, moving(20), "libx264", times=GAPS, unit=Fraction(1, 1000)),
    "late_start.mkv": lambda path: write(path, moving(20), "libx264", times=range(50, 70)),
    "transport_stream.ts": lambda path: write(path, moving(20), "mpeg2video"),
    "program_stream.mpg": lambda path: write(path, moving(20), "mpeg1video"),
    "bt709.mp4": lambda path: write(path, moving(5), "libx264", colors=("bt709", "tv")),
    "bt2020_10_bits.mkv": lambda path: write(path, moving(5), "libx264", pixels="yuv420p10le", colors=("bt2020", "tv")),
    "full_range.webm": lambda path: write(path, moving(5), "libvpx-vp9", colors=("bt709", "pc"), cpu_used="8"),
    "odd_sides.mkv": lambda path: write(path, moving(5, 65, 97), "libx264", pixels="yuv444p"),
    "rgb.mkv": lambda path: write(path, moving(5), "libx264rgb", pixels="rgb24"),
    "grey.mkv": lambda path: write(path, moving(5), "ffv1", pixels="gray"),
}


@pytest.mark.parametrize("name", FILES)
def test_both_decoders_agree(name, tmp_path, monkeypatch):
    FILES[name](tmp_path / name)
    assert len(agreed(tmp_path / name, monkeypatch)) >= 5


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_both_decoders_turn_a_picture_alike(degrees, tmp_path, monkeypatch):
    plain = write(tmp_path / "a.mp4", moving(5), "mpeg4")
    upright = video.read_video(plain).frames[0].rgb
    encoded_videos.turn(plain, degrees)
    turned = agreed(plain, monkeypatch)[0].rgb
    np.testing.assert_array_equal(turned, np.rot90(upright, -degrees // 90))


def test_both_decoders_stop_at_a_packet_that_they_reject(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp4", moving(30), "libx264", bf="0", g="5", tune="zerolatency")
    encoded_videos.damage(path, 12)
    assert len(agreed(path, monkeypatch)) == 12


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.ts"])
def test_both_decoders_find_the_same_frames_in_a_truncated_file(name, tmp_path, monkeypatch):
    write(tmp_path / name, moving(40), "libx264", g="10")
    content = bytearray((tmp_path / name).read_bytes())
    content[len(content) // 2 : len(content) // 2 + 9] = bytes(9)
    (tmp_path / name).write_bytes(content[: len(content) * 3 // 4])
    assert 5 < len(agreed(tmp_path / name, monkeypatch)) < 40


def test_both_decoders_agree_on_real_files(monkeypatch):
    folder = shared_folder()
    files = sorted(path for part in ("odd", "clips") for path in (folder / part).rglob("*.*")) if folder else []
    if not files:
        pytest.skip("no folder of clips beside the checkout")
    count = 0
    for path in files:
        try:
            count += len(agreed(path, monkeypatch)) > 0
        except video.VideoError:
            assert path.suffix in (".md", ".jpg", ".wav") or path.name in ("text_named.mp4", "zero_length.avi")
    assert count > 5


def no_frame(capture):
    """Yields nothing, as OpenCV does where it cannot decode, and releases the capture as then."""
    capture.release()
    yield from ()


def agreed(path: Path, monkeypatch) -> list[video.Frame]:
    """The frames of a video, once PyAV has given what OpenCV gives."""
    reader, expected = decode(path)
    with monkeypatch.context() as changed:
        changed.setattr(video_files, "_opencv", no_frame)
        other, found = decode(path)
    assert other.decoder == PYAV and reader.decoder in (frames.OPENCV, PYAV)
    for key in ("fps", "declared_frames", "decoded", "damaged", "reached_end"):
        assert getattr(other, key) == getattr(reader, key), key
    for fps in (None, 12.5, 30):
        one, two = (list(frames.resample(iter(all), fps, reader.fps)) if fps else all for all in (found, expected))
        assert [frame.timestamp for frame in one] == [frame.timestamp for frame in two]
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(one, two, strict=True))
    return expected


def decode(path: Path) -> tuple[video.Reader, list[video.Frame]]:
    reader = video.open_video(path)
    return reader, list(reader.frames())


@pytest.fixture(scope="module")
def av1(tmp_path_factory):
    """20 frames of AV1 in Matroska, 64x96, 25 a second."""
    return write_av1(tmp_path_factory.mktemp("av1") / "a.mkv", moving(20))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.ivf"])
def test_av1_is_decoded(name, tmp_path):
    reader, found = decode(write_av1(tmp_path / name, moving(20)))
    assert (len(found), reader.fps, reader.declared_frames, reader.decoder) == (20, 25, 20, PYAV)
    assert [frame.timestamp for frame in found] == [40_000 * index for index in range(20)]
    assert np.abs(np.stack([frame.rgb for frame in found]).astype(int) - moving(20)).mean() < 12  # 4:2:0


@pytest.mark.parametrize("colors", [None, ("bt709", "tv"), ("bt709", "pc"), ("bt2020", "tv")])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
def test_colours_of_av1(colors, pixels, tmp_path):
    """Four colours, whatever matrix, range and depth the stream declares."""
    rgb = np.array([[[230, 20, 30], [20, 200, 40]], [[10, 30, 220], [240, 240, 240]]], np.uint8)
    flat = rgb.repeat(32, 0).repeat(32, 1)[None].repeat(3, 0)
    (first, *_) = video.read_video(write_av1(tmp_path / "a.mp4", flat, pixels=pixels, colors=colors)).frames
    np.testing.assert_allclose(first.rgb[16::32, 16::32].astype(int), rgb, atol=5)


def test_a_variable_rate_of_av1_is_resampled_by_its_time_stamps(tmp_path):
    path = write_av1(tmp_path / "a.mp4", moving(4), times=(0, 40, 80, 200), unit=Fraction(1, 1000))
    reader, own = decode(path)
    assert (reader.fps, reader.declared_frames) == (pytest.approx(50 / 3), 4)
    assert [frame.timestamp for frame in own] == [0, 40_000, 80_000, 200_000]
    shown = frames.resample(iter(own), 25, reader.fps)
    found = [next(i for i, frame in enumerate(own) if frame.rgb is other.rgb) for other in shown]
    assert found == [0, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_tags_of_av1_are_honoured(degrees, tmp_path):
    path = write_av1(tmp_path / "a.mp4", moving(3))
    upright = video.read_video(path).frames
    encoded_videos.turn(path, degrees)
    for one, two in zip(video.read_video(path).frames, upright, strict=True):
        np.testing.assert_array_equal(one.rgb, np.rot90(two.rgb, -degrees // 90))


def test_a_truncated_av1_file_is_named_with_its_counts(av1, tmp_path):
    content = av1.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) * 4 // 5])
    with pytest.raises(video.VideoError, match=r"truncated or damaged: \d+ of 20 declared frames decode") as caught:
        video.read_video(tmp_path / "cut.mkv")
    assert 0 < caught.value.frames < 16 and caught.value.declared_frames == 20


def test_damaged_av1_is_decoded_up_to_the_damage(tmp_path):
    path = write_av1(tmp_path / "a.mp4", moving(20))
    encoded_videos.damage(path, 17)
    assert len(video.read_video(path).frames) == 17
    with pytest.raises(video.VideoError, match="truncated or damaged: 17 of 20 declared frames decode"):
        video.read_video(path, min_decoded=0.9)


def test_av1_of_which_nothing_decodes_is_named(av1, tmp_path):
    content = av1.read_bytes()
    start = content.index(b"\x1f\x43\xb6\x75") + 20  # inside the first cluster
    (tmp_path / "zeros.mkv").write_bytes(content[:start] + bytes(len(content) - start))
    with pytest.raises(video.VideoError, match="none of 20 declared frames decodes"):
        video.read_video(tmp_path / "zeros.mkv")


def test_what_neither_decodes_is_named(tmp_path):
    path = write(tmp_path / "a.mp4", moving(20), "mpeg4")
    content = path.read_bytes()
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    path.write_bytes(content[:start] + b"\xff" * (end - start) + content[end:])
    with pytest.raises(video.VideoError, match="none of 20 declared frames decodes"):
        video.read_video(path)


def test_a_tag_that_is_no_utf8_does_no_harm(av1, tmp_path):
    content = av1.read_bytes()
    (tmp_path / "a.mkv").write_bytes(content.replace(b"Lavf", b"caf\xe9"))
    assert len(video.read_video(tmp_path / "a.mkv").frames) == 20


def test_other_videos_do_not_need_pyav(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)  # importing it fails
    synthetic.write_video(tmp_path / "a.avi", moving(5), 25)
    assert len(video.read_video(tmp_path / "a.avi").frames) == 5


def test_av1_is_prepared_by_processes_with_flow(av1, tmp_path):
    items = [listing.Item(str(av1), "a", "train", "a.mkv"), listing.Item(str(av1), "b", "train", "b.mkv", start=0.4)]
    settings = prepare.Settings(size=(32, 48), shard_size=1, streams=("rgb", "flow"))

    def runner(*arguments):
        runners.in_processes(*arguments, workers=2)

    prepare.prepare(listing.Listing(items, ["a", "b"]), tmp_path, settings, runner=runner)
    manifest = json.loads((tmp_path / prepare.MANIFEST).read_text())
    keys = ("path", "status", "frames", "decoded", "declared_frames", "fps", "decoder")
    assert [tuple(line[key] for key in keys) for line in manifest["videos"]] == [
        ("a.mkv", "written", 20, 20, 20, 25.0, PYAV),
        ("b.mkv", "written", 10, 20, 20, 25.0, PYAV),
    ]
    stored = {}
    for file in tmp_path.glob("*.tfrecord"):
        record = records.parse(next(iter(tf.data.TFRecordDataset(str(file)))), ("rgb", "flow"))
        stored[record.media_id.numpy().decode()] = record.streams
    assert {name: (len(s["rgb"]), len(s["flow"])) for name, s in stored.items()} == {
        "a.mkv": (20, 20),
        "b.mkv": (10, 10),
    }
    assert stored["a.mkv"]["rgb"][10:].numpy().tolist() == stored["b.mkv"]["rgb"].numpy().tolist()


def test_the_input_benchmark_reads_clips_of_av1(av1):
    assert input_speed.read_clip(av1, 0, 8, (40, 40), 32) == (8, 32, 32, 3)

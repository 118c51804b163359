import numpy as np
import pytest

from s3d_tf.data import synthetic, video
from s3d_tf.data.synthetic import LOOKS, MOTIONS, OPPOSITES, SyntheticSet


def random(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_motion_backwards_is_its_opposite_bit_for_bit(motion):
    spec = SyntheticSet(num_frames=7)
    forwards = synthetic.render(spec, motion, random())
    opposite = synthetic.render(spec, OPPOSITES[motion], random())
    np.testing.assert_array_equal(forwards[::-1], opposite)
    assert (forwards[0] != forwards[-1]).mean() > 0.5  # it does move


def test_drift_right_moves_the_content_right_by_the_speed():
    texture = synthetic.draw("blocks", random())
    frames = [synthetic.view(texture, np.array([60.0, 60.0]), (0, shift), 1.0, 0.0, 32).astype(int) for shift in (0, 4)]
    np.testing.assert_array_equal(frames[0][:, :-4], frames[1][:, 4:])


def test_a_single_frame_of_a_motion_says_nothing():
    """The frames of a drift and of its opposite are the same set."""
    spec = SyntheticSet(num_frames=6)
    left, right = (synthetic.render(spec, name, random(5)) for name in ("drift_left", "drift_right"))
    assert sorted(f.tobytes() for f in left) == sorted(f.tobytes() for f in right)


def test_appearances_differ_by_look_and_not_by_motion():
    spec = SyntheticSet(flavour="appearance", classes=LOOKS, num_frames=4)
    for look in LOOKS:
        clip = synthetic.render(spec, look, random(1))
        assert clip.shape == (4, 40, 40, 3)
        assert clip.dtype == np.uint8
        assert clip.std() > 20


def test_files_are_videos_and_the_same_for_the_same_seed(tmp_path):
    spec = SyntheticSet(classes=("zoom_in", "zoom_out"), num_train=2, num_val=2, size=32, num_frames=5)
    for name in ("a", "b"):
        assert synthetic.write_set(spec, tmp_path / name) == 4
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.avi"))
    assert [str(f) for f in files] == [
        "train/zoom_in/00000.avi",
        "train/zoom_out/00001.avi",
        "val/zoom_in/00000.avi",
        "val/zoom_out/00001.avi",
    ]
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        clip = video.read_video(tmp_path / "a" / file)
        assert (len(clip.frames), clip.declared_frames, clip.fps) == (5, 5, 25.0)
    assert (tmp_path / "a" / files[0]).read_bytes() != (tmp_path / "a" / files[2]).read_bytes()


def test_a_set_is_left_as_it_is_and_another_one_is_refused(tmp_path):
    spec = SyntheticSet(classes=("drift_up", "drift_down"), num_train=2, num_val=2, num_frames=3)
    synthetic.write_set(spec, tmp_path / "set")
    assert synthetic.write_set(spec, tmp_path / "set") == 4
    with pytest.raises(ValueError, match="holds something else"):
        synthetic.write_set(SyntheticSet(classes=("drift_up", "drift_down"), num_train=3, num_val=2), tmp_path / "set")


@pytest.mark.parametrize(
    "fields", [dict(flavour="sound"), dict(classes=("drift_up",)), dict(classes=("a", "b")), dict(num_val=0)]
)
def test_a_set_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValueError, match="Received"):
        SyntheticSet(**fields)

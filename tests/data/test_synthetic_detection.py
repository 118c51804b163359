import json

import cv2
import numpy as np
import pytest

from s3d_tf.data import datasets, synthetic_detection, video
from s3d_tf.data.layouts.annotated import ANNOTATIONS
from s3d_tf.data.records import Box
from s3d_tf.data.synthetic import DRIFTS, OPPOSITES
from s3d_tf.data.synthetic_detection import DetectionSet, patches, render

SMALL = DetectionSet(num_train=2, num_val=1, rows=48, columns=64, smallest=10, largest=16, num_frames=6)


def actors_of(spec, seeds):
    return [actor for seed in seeds for actor in render(spec, np.random.default_rng(seed))[1]]


@pytest.mark.parametrize("label", DRIFTS)
def test_an_actor_backwards_is_one_of_the_opposite_class_bit_for_bit(label):
    (actor, *_) = actors_of(DetectionSet(), [3])
    actor = actor._replace(label=label)
    opposite = actor._replace(label=OPPOSITES[label], corners=actor.corners[::-1])
    np.testing.assert_array_equal(patches(actor)[::-1], patches(opposite))
    assert (patches(actor)[0] != patches(actor)[-1]).mean() > 0.5


def test_the_texture_drifts_by_its_speed_in_the_frame_wherever_the_patch_goes():
    """Two patches of one actor: one that stays, and one that goes two rows down and a column left each frame."""
    (actor, *_) = actors_of(DetectionSet(), [0])
    frames = np.arange(5)[:, None]
    actor = actor._replace(label="drift_right", size=(30, 30), speed=1.0)
    still, moved = (
        patches(actor._replace(corners=way)).astype(int) for way in (frames * [0, 0] + 20, frames * [2, -1] + 20)
    )
    np.testing.assert_array_equal(still[1][:, 1:], still[0][:, :-1])
    np.testing.assert_array_equal(moved[3][:-2, 1:], still[3][2:, :-1])  # a frame on from the middle


def test_frames_hold_the_patches_where_the_boxes_say_and_a_still_ground_elsewhere():
    frames, actors = render(SMALL, np.random.default_rng(1))
    outside = np.ones(frames.shape[:3], bool)
    for actor in actors:
        boxes = np.array(synthetic_detection.annotate(actor, frames.shape[1:3])["boxes"]) * [48, 64, 48, 64]
        corners = boxes.round().astype(int)
        for number, ((top, left, bottom, right), patch) in enumerate(zip(corners, patches(actor), strict=True)):
            np.testing.assert_array_equal(frames[number, top:bottom, left:right], patch)
            outside[number, top:bottom, left:right] = False
    ground = np.where(outside[..., None], frames, 0)
    always = outside.all(0)
    assert (ground[:, always] == ground[0, always]).all()


def test_one_to_three_actors_apart_and_inside():
    spec = DetectionSet()
    numbers = []
    for seed in range(30):
        frames, actors = render(spec, np.random.default_rng(seed))
        numbers.append(len(actors))
        taken = np.zeros(frames.shape[:3], int)
        for actor in actors:
            assert actor.corners.min() >= 0
            assert (actor.corners.max(0) + actor.size <= [96, 128]).all()
            for number, (top, left) in enumerate(actor.corners):
                taken[number, top : top + actor.size[0], left : left + actor.size[1]] += 1
        assert taken.max() == 1
    assert set(numbers) == {1, 2, 3}


def test_the_class_says_nothing_of_place_size_and_way():
    """With all else equal, another class leaves boxes as they are: it is drawn on its own."""
    actors = actors_of(DetectionSet(), range(5))
    for actor in actors:
        boxes = [synthetic_detection.annotate(actor._replace(label=label), (96, 128))["boxes"] for label in DRIFTS]
        assert boxes == [boxes[0]] * 4
    two = [render(DetectionSet(classes=classes), np.random.default_rng(0))[1] for classes in (DRIFTS, DRIFTS[:1])]
    for one, other in zip(*two, strict=True):
        np.testing.assert_array_equal(one.corners, other.corners)


def test_files_are_the_same_for_the_same_seed_and_are_listed_with_their_boxes(tmp_path):
    for name in ("a", "b"):
        assert synthetic_detection.write_set(SMALL, tmp_path / name) == 3
    for file in ("train/00000.avi", "train/00001.avi", "val/00000.avi", ANNOTATIONS):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert synthetic_detection.write_set(SMALL, tmp_path / "a") == 3
    with pytest.raises(ValueError, match="holds something else"):
        synthetic_detection.write_set(DetectionSet(), tmp_path / "a")
    assert len(video.read_video(tmp_path / "a/val/00000.avi").frames) == 6
    listing = datasets.list_dataset("annotated", tmp_path / "a")
    assert (listing.classes, listing.may_flip, listing.remarks) == (list(DRIFTS), False, [])
    assert [(item.media_id, item.split) for item in listing.items] == [
        ("train/00000.avi", "train"),
        ("train/00001.avi", "train"),
        ("val/00000.avi", "val"),
    ]
    _, actors = render(SMALL, np.random.default_rng([0, 0, 1]))
    assert len(listing.items[1].boxes) == 6 * len(actors)
    assert listing.items[1].label == actors[0].label


@pytest.mark.parametrize(
    "fields", [dict(classes=("a",)), dict(classes=()), dict(num_val=0), dict(largest=95), dict(seed=-1)]
)
def test_a_set_that_makes_no_sense_is_refused(fields):
    with pytest.raises(ValueError, match="Received"):
        DetectionSet(**fields)


def annotated(tmp_path, actors, **changes):
    content = {"classes": ["run", "jump"], "videos": {"a.avi": {"actors": actors}}} | changes
    (tmp_path / ANNOTATIONS).write_text(json.dumps(content))
    return datasets.list_dataset("annotated", tmp_path)


def actor(*boxes, label="jump", first=2):
    return {"class": label, "first_frame": first, "boxes": list(boxes)}


def test_boxes_past_the_frame_are_clipped_and_counted(tmp_path):
    listing = annotated(
        tmp_path,
        [actor([0.5, -0.25, 1.5, 0.5], None, [0, 0, 1, 1]), actor([0, 0, 0.5, 1.1], label="run", first=0)],
        videos={
            "a.avi": {"split": "test", "actors": [actor([0.5, -0.25, 1.5, 0.5], None, [0, 0, 1, 1])]},
            "b.avi": {"actors": []},
        },
    )
    assert listing.items[0].boxes == (Box(2, 0.5, 0.0, 1.0, 0.5, 1, 0), Box(4, 0.0, 0.0, 1.0, 1.0, 1, 0))
    assert [(item.label, item.split, item.boxes is None) for item in listing.items] == [
        ("jump", "test", False),
        ("run", "", False),
    ]
    assert listing.may_flip
    assert sorted(listing.remarks) == [
        "boxes that reach past the frame, clipped: 1 (a.avi)",
        "videos without an actor, which are background: 1 (b.avi)",
    ]


def test_videos_that_the_annotations_forget_are_told(tmp_path):
    for name in ("a.avi", "more/b.MP4", "more/c.avi", ".hidden/d.avi", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    listing = annotated(tmp_path, [], videos={"./a.avi": {"actors": [actor([0, 0, 1, 1])]}})
    assert listing.remarks == ["video files that the annotations do not name, left out: 2 (more/b.MP4, more/c.avi)"]


def test_a_video_that_is_named_twice_is_refused(tmp_path):
    empty = {"actors": []}
    with pytest.raises(ValueError, match=r"a video by two paths"):
        annotated(tmp_path, [], videos={"a.avi": {"actors": [actor([0, 0, 1, 1])]}, "./a.avi": empty})
    (tmp_path / ANNOTATIONS).write_text('{"classes": ["run"], "videos": {"a.avi": {"actors": []}, "a.avi": {}}}')
    with pytest.raises(ValueError, match=r"name each key of an object once\. Received: 'a.avi' twice"):
        datasets.list_dataset("annotated", tmp_path)


@pytest.mark.parametrize(
    "box", [[0.5, 0, 0.4, 1], [0, 0.5, 1, 0.5], [1.1, 0, 1.5, 1], [0, -1, 1, -0.5], [0, 0, 1, float("nan")]]
)
def test_boxes_that_are_inverted_or_outside_are_refused(tmp_path, box):
    with pytest.raises(ValueError, match=r"A box must be ymin < ymax .*Received: \[.*\] of a.avi \(1 such boxes\)"):
        annotated(tmp_path, [actor([0, 0, 1, 1], box)])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([actor([0, 0, 1, 1], [0, 0, 1])], r"box must be four numbers or null, not \[0, 0, 1\], its number 1"),
        ([actor([0, 0, 1, "1"])], "box must be four numbers or null"),
        ([actor([0, 0, 1, 10**400])], "box must be four numbers or null"),
        ([actor() | dict(boxes=3)], "boxes must be a list of four numbers or null for each frame, not 3"),
        ([actor([0, 0, 1, 1], label="sit")], "class must be one of run, jump, not 'sit'"),
        ([actor([0, 0, 1, 1], first=-1)], "first_frame must be a whole number from 0 on, not -1"),
        ([actor([0, 0, 1, 1], first=0.5)], "first_frame must be a whole number"),
        ([actor([0, 0, 1, 1]) | dict(last_frame=3)], "and no 'last_frame'"),
        ([{"class": "run"}], "first_frame must be a whole number from 0 on, not None"),
        (None, "an object of actors"),
    ],
)
def test_actors_that_make_no_sense_are_refused(tmp_path, wrong, told):
    with pytest.raises(ValueError, match=rf"{told}.* Received: 'a.avi' in .*annotations.json"):
        annotated(tmp_path, wrong)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(videos={}), r"must have a box at least. Received: .* with 0 videos"),
        (dict(videos={"a.avi": {"actors": []}}), r"must have a box at least. Received: .* with 1 videos"),
        (dict(videos={"../a.avi": {"actors": []}}), "path must lie below the source"),
        (dict(videos={"a.avi": {"split": "dev", "actors": []}}), "A split is one of .*, not 'dev'"),
        (dict(videos={"a.avi": {"splt": "val", "actors": []}}), "A video has a split and actors, and no 'splt'"),
        (dict(videos=[]), "must be a JSON object of classes"),
        (dict(classes=["run", "run"]), "must be a JSON object of classes"),
        (dict(classes=[]), "must be a JSON object of classes"),
        (dict(classes="run"), "must be a JSON object of classes"),
        (dict(may_flip=3), "must be a JSON object of classes"),
        (dict(may_filp=False), "no other field. Received: 'may_filp'"),
    ],
)
def test_annotations_that_make_no_sense_are_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        annotated(tmp_path, [actor([0, 0, 1, 1])], **changes)


@pytest.mark.slow
def test_the_binaries_draw_prepare_and_inspect_a_set_with_boxes(run_script, tmp_path):
    sizes = ("--num_train=3", "--num_val=1", "--num_frames=8")
    source, data = f"{tmp_path}/videos", f"{tmp_path}/records"
    prepared = (f"--source={source}", f"--output_dir={data}", "--resize=96x128", "--workers=1")
    for script, *arguments in (
        ("make_detection_set.py", f"--output_dir={source}", *sizes),
        ("prepare_videos.py", "--dataset=annotated", *prepared),
        ("inspect_dataset.py", f"--data_dir={data}", "--check", f"--output={tmp_path}/sheet.png", "--num_frames=8"),
    ):
        done = run_script(script, *arguments)
        assert done.returncode == 0, done.stderr
    assert "all as the manifest says" in done.stdout
    sheet = cv2.cvtColor(cv2.imread(f"{tmp_path}/sheet.png"), cv2.COLOR_BGR2RGB).astype(int)
    assert (abs(sheet - (255, 220, 0)).max(-1) < 60).sum() > 1000  # the boxes

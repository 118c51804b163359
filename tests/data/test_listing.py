import os

import pytest

from s3d_tf.data import listing
from s3d_tf.data.datasets import list_dataset
from s3d_tf.data.listing import Item
from s3d_tf.data.video import VideoError, open_video


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_a_folder_of_classes(tmp_path):
    make(tmp_path, "walk/b.mp4", "walk/a.mp4", "run/deep/c.avi", "run/notes.txt", "run/.hidden")
    items = listing.list_folder(tmp_path)
    assert [(i.media_id, i.label, i.split) for i in items] == [
        ("run/deep/c.avi", "run", ""),
        ("run/notes.txt", "run", ""),  # listed, so that it is named as unreadable and not lost in silence
        ("walk/a.mp4", "walk", ""),
        ("walk/b.mp4", "walk", ""),
    ]
    assert listing.class_names(items) == ["run", "walk"]


def test_a_folder_of_splits(tmp_path):
    make(tmp_path, "train/run/a.mp4", "val/run/b.mp4", "train/walk/c.mp4")
    assert {(i.media_id, i.split, i.label) for i in listing.list_folder(tmp_path)} == {
        ("train/run/a.mp4", "train", "run"),
        ("train/walk/c.mp4", "train", "walk"),
        ("val/run/b.mp4", "val", "run"),
    }


def test_a_csv_with_header_byte_order_mark_and_splits(tmp_path):
    (tmp_path / "list.csv").write_text(
        '\ufeffpath,label,split\n"a, b.mp4",run,val\n\nc.mp4, walk ,\n', encoding="utf-8"
    )
    assert listing.list_csv(tmp_path / "list.csv") == [
        Item(str(tmp_path / "a, b.mp4"), "run", "val", "a, b.mp4"),
        Item(str(tmp_path / "c.mp4"), "walk", "", "c.mp4"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no videos"),
        ("Path,Label\n", "lists no videos"),
        ("a.mp4,run\na.mp4,walk\n", "each video once.*'a.mp4'.*'walk'"),
        ('a.mp4,"ru\nn"\n', "a label of one line"),
        ("a.mp4\n", "Line 1"),
        ("a.mp4,run\nb.mp4,run,dev\n", "Line 2 .*dev"),
        ("a.mp4,run,val,extra\n", "Line 1"),
        (",run\n", "Line 1"),
    ],
)
def test_a_csv_that_makes_no_sense(tmp_path, text, message):
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        listing.list_csv(tmp_path / "list.csv")


def test_folders_that_make_no_sense(tmp_path):
    with pytest.raises(ValueError, match="Received"):
        listing.list_folder(tmp_path / "missing")
    make(tmp_path, "loose.mp4")
    with pytest.raises(ValueError, match="No class folders"):
        listing.list_folder(tmp_path)
    (tmp_path / "loose.mp4").unlink()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty is empty"):
        listing.list_folder(tmp_path)


def test_a_video_beside_the_class_folders_is_not_lost_in_silence(tmp_path):
    make(tmp_path, "run/a.mp4", "walk/b.mp4", "c.mp4", "README.txt")
    with pytest.raises(ValueError, match=r"not beside them.*c.mp4"):
        listing.list_folder(tmp_path)


def test_links_are_followed_and_what_they_lost_is_listed(tmp_path):
    make(tmp_path, "away/more/c.mp4", "set/run/a.mp4", "set/run/.trash/x.mp4", "set/walk/b.mp4")
    (tmp_path / "set/run/more").symlink_to(tmp_path / "away/more")
    (tmp_path / "set/run/more/again").symlink_to(tmp_path / "set/run")  # a circle
    (tmp_path / "set/walk/gone.mp4").symlink_to(tmp_path / "unmounted.mp4")
    names = [item.media_id for item in listing.list_folder(tmp_path / "set")]
    assert names == ["run/a.mp4", "run/more/c.mp4", "walk/b.mp4", "walk/gone.mp4"]
    (tmp_path / "set/sit").symlink_to(tmp_path / "unmounted")
    with pytest.raises(ValueError, match=r"leads nowhere.*Received: .*set/sit"):
        listing.list_folder(tmp_path / "set")


@pytest.mark.parametrize("label", [os.fsdecode(b"caf\xe9"), "two\nlines", "a\u2028b"])
def test_a_class_whose_name_cannot_be_printed_is_refused(tmp_path, label):
    make(tmp_path, f"{label}/a.mp4", "walk/b.mp4")
    with pytest.raises(ValueError, match="A class needs a name of one line"):
        list_dataset("videos", tmp_path)


def test_classes_in_other_scripts_are_names_too(tmp_path):
    labels = ("\u0645\u06cc\u200c\u0631\u0648\u0645", "\u8d70\u308b\u3000\u4eba", "a\u00a0b")
    make(tmp_path, *(f"{label}/a.mp4" for label in labels))
    assert list_dataset("videos", tmp_path).classes == sorted(labels)


def test_pipes_and_links_to_themselves_hold_nobody_up(tmp_path):
    make(tmp_path, "run/a.mp4", "walk/b.mp4")
    os.mkfifo(tmp_path / "run/pipe.mp4")
    (tmp_path / "run/self.mp4").symlink_to(tmp_path / "run/self.mp4")
    assert [item.media_id for item in listing.list_folder(tmp_path)] == ["run/a.mp4", "run/self.mp4", "walk/b.mp4"]
    with pytest.raises(VideoError, match="no regular file"):
        open_video(tmp_path / "run/pipe.mp4")


def test_folders_that_look_like_splits_are_told(tmp_path):
    make(tmp_path, "train/a.mp4", "car/b.mp4", "validation/c.mp4")
    assert list_dataset("videos", tmp_path).remarks == [
        "folders taken for classes, though named as a split (splits are train, val, test, with nothing beside them): 2 "
        "(train, validation)"
    ]
    make(tmp_path, "set/train/car/a.mp4", "set/train/train/a.mp4", "set/val/car/a.mp4")
    assert list_dataset("videos", tmp_path / "set").remarks == []


def test_one_class_is_refused_unless_the_set_is_known(tmp_path):
    items = [Item("a.mp4", "run", "", "a.mp4")]
    with pytest.raises(ValueError, match="one class: run"):
        listing.class_names(items)
    (tmp_path / "labels.txt").write_text("walk\nrun\n")
    assert listing.class_names(items, tmp_path / "labels.txt") == ["walk", "run"]
    with pytest.raises(ValueError, match=r"missing from .*labels.txt: jump"):
        listing.class_names([Item("a", "jump", "", "a")], tmp_path / "labels.txt")


def test_splits_are_seeded_and_of_each_class():
    items = [Item(f"{label}{n}", label, "", f"{label}{n}") for label in "ab" for n in range(10)] + [
        Item("c0", "c", "", "c0"),
        Item("d0", "d", "test", "d0"),
    ]
    split = listing.assign_splits(items, 0.2, seed=0)
    assert [sum(i.split == "val" and i.label == label for i in split) for label in "abcd"] == [2, 2, 0, 0]
    assert split[-1].split == "test"
    assert split == listing.assign_splits(items, 0.2, seed=0)
    assert split != listing.assign_splits(items, 0.2, seed=1)
    assert all(i.split != "val" for i in listing.assign_splits(items, 0.0, seed=0))

"""JHMDB and UCF-101-24: boxes from masks, joints and a pickle that nobody trusts."""

import os
import pickle
import random
import struct
from collections import Counter

import numpy as np
import pytest

from s3d_tf.data.datasets import list_dataset
from s3d_tf.data.layouts import jhmdb, numpy_pickle
from s3d_tf.data.layouts.mat import read_array
from s3d_tf.data.records import Box
from tests.conftest import shared_folder


def write_mat(path, **arrays):
    scipy_io = pytest.importorskip("scipy.io")
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy_io.savemat(path, arrays, do_compression=True)
    return path


def test_jhmdb_boxes_of_masks_and_joints(tmp_path):
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits/wave_test_split2.txt").write_text("a.avi 1 \nb.avi 2 \nc.avi 1 \n")
    (tmp_path / "splits/catch_test_split2.txt").write_text("d.avi 1 \n")
    mask = np.zeros((240, 320, 3), np.uint8)
    mask[10:20, 32:64, 0] = 3  # rows 10 to 19, columns 32 to 63
    mask[239, 319, 2] = 1
    write_mat(tmp_path / "puppet_mask/wave/a/puppet_mask.mat", part_mask=mask)
    joints = np.array([[[33.0], [64.0]], [[11.0], [20.0]]])  # x 33 to 64, y 11 to 20, counted from 1: the same box
    write_mat(tmp_path / "joint_positions/wave/b/joint_positions.mat", pos_img=joints, scale=np.ones((1, 1)))
    for name in ("Rename_Images/wave/a/00001.png", "ReCompress_Videos/wave/b.avi"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"")
    listing = list_dataset("jhmdb", tmp_path, split_number=2)
    assert listing.classes == ["catch", "wave"]
    items = {item.media_id: item for item in listing.items}
    assert {(name, item.split, item.fps) for name, item in items.items()} == {
        ("Rename_Images/wave/a", "train", 30.0),
        ("ReCompress_Videos/wave/b.avi", "test", 0.0),
        ("wave/c.avi", "train", 0.0),
        ("catch/d.avi", "train", 0.0),
    }
    box = (10 / 240, 32 / 320, 20 / 240, 64 / 320)
    assert items["Rename_Images/wave/a"].boxes == (Box(0, *box, 1, 0), Box(2, 239 / 240, 319 / 320, 1.0, 1.0, 1, 0))
    assert items["ReCompress_Videos/wave/b.avi"].boxes == (Box(0, *box, 1, 0),)
    assert items["wave/c.avi"].boxes is None
    assert sorted(listing.remarks) == [
        "frames without an actor, and so without a box: 1 (wave/a frame 1)",
        "listed videos that are not there: 2 (catch/d.avi, wave/c.avi)",
        "videos without a mask or joints, and so without boxes: 2 (catch/d, wave/c)",
        "videos without a mask, whose boxes are those of the joints: 1 (wave/b)",
    ]


def test_joints_outside_the_frame():
    joints = np.stack([[[-50.0, 100], [5, 6]], [[-50, -40], [5, 6]], [[np.nan, 1], [5, 6]]], axis=2)
    assert jhmdb.boxes_of_joints(joints) == [(4 / 240, 0.0, 6 / 240, 100 / 320), None, None]


def test_joints_past_the_frame_are_clipped_and_counted(tmp_path):
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits/wave_test_split1.txt").write_text("a.avi 1 \n")
    (tmp_path / "splits/catch_test_split1.txt").write_text("")
    joints = np.array([[[33.0, 33.0], [64.0, 321.0]], [[11.0, 11.0], [20.0, 20.0]]])
    write_mat(tmp_path / "joint_positions/wave/a/joint_positions.mat", pos_img=joints)
    listing = list_dataset("jhmdb", tmp_path)
    assert [box.xmax for box in listing.items[0].boxes] == [64 / 320, 1.0]
    assert "boxes that reach past the frame, clipped: 1 (wave/a frame 1)" in listing.remarks


def test_a_mat_file_that_makes_no_sense(tmp_path):
    good = write_mat(
        tmp_path / "good.mat", part_mask=np.ones((4, 5, 2), np.uint8), text="abc", cell=np.array([{}], object)
    )
    assert read_array(good, "part_mask", 3).shape == (4, 5, 2)
    assert read_array(write_mat(tmp_path / "flat.mat", m=np.ones((4, 5))), "m", 3).shape == (4, 5, 1)
    for name in ("missing", "text", "cell"):
        with pytest.raises(ValueError, match=r"must be an array of numbers with 3 axes.*good.mat"):
            read_array(good, name, 3)
    with pytest.raises(ValueError, match="must be an array of numbers"):
        read_array(good, "part_mask", 3, max_size=39)  # it has 40
    content = good.read_bytes()
    rng = random.Random(0)
    for _ in range(150):
        damaged = bytearray(content[: rng.choice([len(content), rng.randrange(len(content))])])
        for _ in range(rng.randrange(1, 8)):
            if damaged:
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        (tmp_path / "bad.mat").write_bytes(damaged)
        try:
            assert read_array(tmp_path / "bad.mat", "part_mask", 3).size <= 1 << 27
        except ValueError as error:
            assert "bad.mat" in str(error)


def write_ucf24(folder, annotated, test="", protocol=2):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyannot.pkl").write_bytes(pickle.dumps(annotated, protocol))
    (folder / "testlist01.txt").write_text(test)
    return folder


def ucf24(label=1, boxes=((64, 60, 32, 24), (0, 0, 320, 240)), sf=3, numf=10):
    tube = {"label": label, "sf": sf, "ef": sf + len(boxes), "boxes": np.array(boxes, np.uint16)}
    return {"numf": np.uint8(numf), "label": label, "annotations": [tube, tube]}


def test_ucf24_boxes_tracks_and_split(tmp_path):
    annotated = {"A/v_A_g01_c01": ucf24(0), np.str_("B/v_B_g01_c01"): ucf24(), "B/v_B_g02_c01": ucf24()}
    lists = write_ucf24(tmp_path / "lists", annotated, "B/v_B_g01_c01\nB/v_B_g09_c01.avi 2\n")
    for name in ("rgb-images/A/v_A_g01_c01/00001.jpg", "UCF101/B/v_B_g01_c01.avi"):
        (tmp_path / "videos" / name).parent.mkdir(parents=True)
        (tmp_path / "videos" / name).write_bytes(b"")
    listing = list_dataset("ucf101_24", tmp_path / "videos", lists)
    assert listing.classes == ["A", "B"]
    assert {(item.media_id, item.label, item.split, item.fps) for item in listing.items} == {
        ("rgb-images/A/v_A_g01_c01", "A", "train", 25.0),
        ("UCF101/B/v_B_g01_c01.avi", "B", "test", 0.0),
        ("B/v_B_g02_c01.avi", "B", "train", 0.0),
    }
    boxes = [(3, 0.25, 0.2, 0.35, 0.3), (4, 0.0, 0.0, 1.0, 1.0)]
    (test,) = [item for item in listing.items if item.split == "test"]
    assert [(*box[:1], *np.round(box[1:5], 12), *box[5:]) for box in test.boxes] == [
        (*box, 1, track) for track in (0, 1) for box in boxes
    ]
    assert sorted(listing.remarks) == [
        "listed videos that are not there: 1 (B/v_B_g02_c01.avi)",
        "listed videos without annotations, left out: 1 (B/v_B_g09_c01)",
    ]
    (lists / "trainlist01.txt").write_text("A/v_A_g01_c01.avi 1\n")
    listing = list_dataset("ucf101_24", tmp_path / "videos", lists)
    assert Counter(item.split for item in listing.items) == {"train": 1, "test": 1}
    assert "annotated videos that no list names, left out: 1 (B/v_B_g02_c01)" in listing.remarks


@pytest.mark.parametrize(
    "video",
    [
        *(ucf24(label=0), ucf24(sf=-1), ucf24(sf=9), ucf24(boxes=[(1, 2, 3)]), {"annotations": []}, [], 3),
        {**ucf24(), "annotations": [{}]},
    ],
)
def test_ucf24_annotations_that_make_no_sense(tmp_path, video):
    write_ucf24(tmp_path, {"A/a": ucf24(0), "B/b": video})
    with pytest.raises(ValueError, match=r"Each entry of .*pyannot.pkl must be .*Received: 'B/b'"):
        list_dataset("ucf101_24", tmp_path)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_numpys_pickles_come_back_whole(tmp_path, protocol):
    arrays = [np.arange(24, dtype=d).reshape(2, 3, 4) for d in ("u1", "<i4", ">u2", "f8")]
    content = {"arrays": [*arrays, np.asfortranarray(arrays[1])], "n": np.uint8(7), "text": "é", "key": (1, None, 2.5)}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content, protocol))
    loaded = numpy_pickle.load(tmp_path / "x.pkl")
    for one, other in zip(loaded["arrays"], content["arrays"], strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert {k: v for k, v in loaded.items() if k != "arrays"} == {"n": 7, "text": "é", "key": [1, None, 2.5]}


class Calls:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def test_a_hostile_pickle_runs_nothing(tmp_path):
    witness = tmp_path / "witness"
    hostile = {"A/a": ucf24(0), "B/b": Calls(os.mkdir, str(witness))}
    write_ucf24(tmp_path, hostile)
    with pytest.raises(ValueError, match=r"more than numbers, texts and arrays: .*mkdir.*Received: .*pyannot.pkl"):
        list_dataset("ucf101_24", tmp_path)
    assert not witness.exists()
    pickle.loads((tmp_path / "pyannot.pkl").read_bytes())
    assert witness.exists()  # so the file was one that does run


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nndarray\n(I1000000000000\ntR.",  # numpy.ndarray(10 ** 12)
        b"cnumpy.core.multiarray\n_reconstruct\n.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I9\ntC\x01btR}b.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I9\ntC\x01btRV123\nb.",
        pickle.dumps(np.ones(3)).replace(b"K\x03\x85", b"K\x09\x85"),  # a shape of 9 over 24 bytes
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b".",  # a bytearray of 1 TiB
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b".",  # bytes of an exabyte
        b"\x80\x02K\x05r\xff\xff\xff\xff.",  # the memo's place 2 ** 32 - 1
        b"cbuiltins\neval\n(Vexit()\ntR.",
        pickle.dumps(np.array([{}], object)),
        *(b"", b".", b"\x80\x63.", b"(" * 10_000, b"not a pickle"),
    ],
)
def test_pickles_that_ask_for_memory_or_make_no_sense(tmp_path, content):
    (tmp_path / "x.pkl").write_bytes(content)
    if content[2:3] == b"K":
        assert numpy_pickle.load(tmp_path / "x.pkl") == 5
        return
    with pytest.raises(ValueError, match=r"Received: .*x\.pkl$"):
        numpy_pickle.load(tmp_path / "x.pkl")


@pytest.mark.parametrize("shape", [False, True])
def test_a_pickle_of_shared_tuples_is_refused_at_once(tmp_path, shape):
    """Sixty pairs of the pair before: printed, they would fill any memory."""
    doubled = b")" + b"2\x86" * 60
    start = b"\x80\x02cnumpy\ndtype\n"
    content = start + b"(" + doubled + b"tR."
    if shape:
        array = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\ntR"
        content = array + b"(K\x01(" + doubled + b"tcnumpy\ndtype\n(X\x02\x00\x00\x00u1tR\x89U\x00tb."
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(ValueError, match="whose shape is no numbers" if shape else "an array of tuple"):
        numpy_pickle.load(tmp_path / "x.pkl")


@pytest.mark.skipif(shared_folder() is None, reason="needs the official annotations")
def test_the_official_annotations_of_ucf24(tmp_path):
    listing = list_dataset("ucf101_24", tmp_path, shared_folder() / "splits/ucf24")
    assert Counter(item.split for item in listing.items) == {"train": 2284, "test": 910}
    assert sum(len(item.boxes) for item in listing.items if item.split == "test") == 170_580
    assert sum(len(item.boxes) for item in listing.items) == 573_862
    assert len(listing.classes) == 24
    (item,) = [item for item in listing.items if item.media_id == "Basketball/v_Basketball_g01_c01.avi"]
    assert item.boxes[0] == Box(8, 102 / 240, 189 / 320, 180 / 240, 236 / 320, 0, 0)

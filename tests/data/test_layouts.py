"""Listings of Something-something, UCF101 and HMDB51, laid out as they are released."""

import json
from collections import Counter

import pytest

from s3d_tf.data import datasets
from s3d_tf.data.datasets import list_dataset
from tests.conftest import shared_folder
from tests.data.layout_files import brief, make


def test_something_v1(tmp_path):
    lists = make(
        tmp_path / "lists",
        {
            "something-something-v1-labels.csv": "Holding something\nApproaching something with your camera\n",
            "something-something-v1-train.csv": "100218;Holding something\n"
            "24413;Approaching something with your camera\n",
            "something-something-v1-validation.csv": "7;Holding something\n8;Juggling\n100218;Holding something\n",
            "something-something-v1-test.csv": "1420\n3449\n",
        },
    )
    frames = make(tmp_path / "frames", ["20bn-something-something-v1/7/00001.jpg", "100218/00001.jpg"])
    listing = list_dataset("something_v1", frames, lists)
    assert listing.classes == ["Holding something", "Approaching something with your camera"]
    assert brief(listing) == {
        ("100218", "Holding something", "train"),
        ("20bn-something-something-v1/24413", "Approaching something with your camera", "train"),
        ("20bn-something-something-v1/7", "Holding something", "val"),
    }
    assert {item.fps for item in listing.items} == {12.0}
    assert (listing.may_flip, listing.eval_frames) == (False, 64)
    assert listing.remarks == [
        "test videos without a label (no test-answers.csv beside something-something-v1-test.csv), left out: 2 "
        "(1420, 3449)",
        "listed videos that are not there: 1 (20bn-something-something-v1/24413)",
        "videos of labels that the label list lacks, left out: 1 (8: Juggling)",
        "videos listed more than once, of which the first line counts: 1 (100218)",
    ]
    (lists / "something-something-v1-validation.csv").write_text("7;Holding something\n\n8\n../9;Holding something\n")
    with pytest.raises(ValueError, match=r"Line 3, 4 of .*-validation.csv must be id;label. Received: '8'"):
        list_dataset("something_v1", frames, lists)


def test_something_v2(tmp_path):
    def entry(number, template):
        return {"id": str(number), "label": template.lower(), "template": template, "placeholders": ["a cup"]}

    files = {
        "labels/labels.json": json.dumps({"Bending something": "1", "Approaching something": "0"}),
        "labels/train.json": json.dumps([entry(78687, "Bending [something]"), entry(3, "Approaching [something]")]),
        "labels/validation.json": json.dumps([entry(5, "Bending [something]"), entry(6, "Eating [something]")]),
        "labels/test.json": json.dumps([{"id": "9"}]),
    }
    make(tmp_path, {**files, "20bn-something-something-v2/78687.webm": "", "20bn-something-something-v2/9.webm": ""})
    listing = list_dataset("something_v2", tmp_path)
    folder = "20bn-something-something-v2"
    expected = {
        (f"{folder}/78687.webm", "Bending something", "train"),
        (f"{folder}/3.webm", "Approaching something", "train"),
        (f"{folder}/5.webm", "Bending something", "val"),
    }
    assert listing.classes == ["Approaching something", "Bending something"]
    assert brief(listing) == expected
    assert listing.remarks[0].endswith("left out: 1 (9)")
    assert "videos of labels that the label list lacks, left out: 1 (6: Eating something)" in listing.remarks
    (tmp_path / "labels/test-answers.csv").write_text("9;Bending something\n")
    answered = list_dataset("something_v2", tmp_path)
    assert brief(answered) == expected | {(f"{folder}/9.webm", "Bending something", "test")}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "train.json",
            '[{"id": "1", "template": "a"}, {"id": 2}, 3]',
            r"Entry 2, 3 of .*train.json .*Received: {'id': 2}",
        ),
        ("train.json", '[{"id": "1",\n]', r"no JSON: .*line 2 column 1.*train.json"),
        ("train.json", "[" * 100_000, r"nested too deeply.*train.json"),
        ("train.json", "{}", r"must be a list of objects.*Received: dict"),
        ("labels.json", '{"a": "1"}', r"class names with the ids 0, 1.*Received: {'a': '1'}"),
        ("labels.json", '{"a": "0", "[a]": "1"}', r"each class once"),
        ("train.json", '[{"id": "1", "template": "b"}]', r"no video of a known label"),
    ],
)
def test_json_that_makes_no_sense(tmp_path, name, text, message):
    make(tmp_path, {"labels.json": '{"a": "0"}', "train.json": "[]", "validation.json": "[]", name: text})
    with pytest.raises(ValueError, match=message):
        list_dataset("something_v2", tmp_path)


def test_ucf101_with_its_quirks(tmp_path):
    lists = {
        "ucfTrainTestlist/classInd.txt": "1 ApplyEyeMakeup\r\n2 HandstandPushups\r\n3 YoYo\r\n",
        "ucfTrainTestlist/trainlist02.txt": "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\r\n"
        "HandstandPushups/v_HandStandPushups_g08_c01.avi 2\r\nHandstandPushups/v_HandStandPushups_g08_c02.avi 2\r\n",
        "ucfTrainTestlist/testlist02.txt": "HandstandPushups/v_HandStandPushups_g01_c01.avi\r\n"
        "YoYo/v_YoYo_g01_c01.avi\r\n",
    }
    make(tmp_path, lists)
    make(
        tmp_path,
        [
            *("HandStandPushups/v_HandStandPushups_g08_c01.avi", "HandstandPushups/v_HandstandPushups_g08_c02.avi"),
            *("HandstandPushups/v_HandStandPushups_g01_c01.mp4", "copy/v_YoYo_g01_c01.avi", "YoYo/v_YoYo_g01_c01.avi"),
        ],
    )
    listing = list_dataset("ucf101", tmp_path, split_number=2)
    assert listing.classes == ["ApplyEyeMakeup", "HandstandPushups", "YoYo"]
    assert brief(listing) == {
        ("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi", "ApplyEyeMakeup", "train"),
        ("HandStandPushups/v_HandStandPushups_g08_c01.avi", "HandstandPushups", "train"),
        ("HandstandPushups/v_HandstandPushups_g08_c02.avi", "HandstandPushups", "train"),
        ("HandstandPushups/v_HandStandPushups_g01_c01.mp4", "HandstandPushups", "test"),
        ("YoYo/v_YoYo_g01_c01.avi", "YoYo", "test"),
    }
    assert listing.remarks == [
        "listed videos that are not there: 1 (ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi)",
        "videos that are there more than once, of which one is taken: 1 (v_YoYo_g01_c01)",
    ]
    make(tmp_path, {"ucfTrainTestlist/testlist02.txt": "YoYo/v_YoYo_g01_c01.avi\nYoYo/v_b.avi 2\nNo/v.avi\n"})
    with pytest.raises(ValueError, match=r"Line 2, 3 of .*testlist02.txt must be .*Received: 'YoYo/v_b.avi 2'"):
        list_dataset("ucf101", tmp_path, split_number=2)
    make(tmp_path, {"ucfTrainTestlist/classInd.txt": "1 A\n3 B\n"})
    with pytest.raises(ValueError, match=r"without gaps. Received: 2 classes"):
        list_dataset("ucf101", tmp_path, split_number=2)


def test_hmdb51_with_trailing_spaces_and_unused_videos(tmp_path):
    lists = make(
        tmp_path / "lists",
        {
            "wave_test_split1.txt": "a_b & (1)_wave_0.avi 1 \nb_wave_0.avi 2 \nc_wave_0.avi 0 \n",
            "chew_test_split1.txt": "#1_chew_0.avi 2 \r\n",
            "chew_test_split2.txt": "#1_chew_0.avi 1 \n",
        },
    )
    videos = make(tmp_path / "videos", ["wave/a_b & (1)_wave_0.avi", "chew/#1_chew_0.avi", "wave/c_wave_0.avi"])
    listing = list_dataset("hmdb51", videos, lists)
    assert listing.classes == ["chew", "wave"]
    assert brief(listing) == {
        ("wave/a_b & (1)_wave_0.avi", "wave", "train"),
        ("wave/b_wave_0.avi", "wave", "test"),
        ("chew/#1_chew_0.avi", "chew", "test"),
    }
    assert listing.remarks == [
        "videos that the split leaves unused: 1 (c_wave_0)",
        "listed videos that are not there: 1 (wave/b_wave_0.avi)",
    ]
    (lists / "wave_test_split1.txt").write_text("b_wave_0.avi 2\nb_wave_0.avi\nb.avi 3 \n")
    with pytest.raises(ValueError, match=r"Line 2, 3 of .*wave_test_split1.txt .*Received: 'b_wave_0.avi'"):
        list_dataset("hmdb51", videos, lists)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nothing", {}, r"dataset must be one of videos, kinetics400, .*Received: 'nothing'"),
        ("ucf101", dict(split_number=4), r"in \[1, 3\]. Received: 4"),
        ("ucf101_24", dict(split_number=2), r"in \[1, 1\]. Received: 2"),
        ("ucf101", dict(make_split=True), r"Received: make_split of ucf101"),
        ("hmdb51", dict(label_map="map.txt"), r"takes no label map. Received: map.txt"),
        ("hmdb51", {}, r"CLASS_test_split1.txt are needed"),
        ("ucf101", {}, r"there is no classInd.txt"),
        ("kinetics400", {}, r"CSVs of Kinetics"),
    ],
)
def test_options_and_lists_that_a_set_lacks(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        list_dataset(name, tmp_path, **options)


def test_only_something_something_forbids_flips_and_is_short():
    odd = {name for name, row in datasets.DATASETS.items() if not row.may_flip or row.eval_frames != 250}
    assert odd == {"something_v1", "something_v2"}
    assert all((datasets.DATASETS[name].may_flip, datasets.DATASETS[name].eval_frames) == (False, 64) for name in odd)


@pytest.mark.skipif(shared_folder() is None, reason="needs the official lists")
def test_the_official_lists_have_the_official_counts(tmp_path):
    splits = shared_folder() / "splits"
    for name, number, train, test in [
        *(("ucf101", n + 1, *counts) for n, counts in enumerate([(9537, 3783), (9586, 3734), (9624, 3696)])),
        *(("hmdb51", n, 3570, 1530) for n in (1, 2, 3)),
    ]:
        listing = list_dataset(name, tmp_path, splits / name, split_number=number)
        assert Counter(item.split for item in listing.items) == {"train": train, "test": test}
        assert len(listing.classes) == {"ucf101": 101, "hmdb51": 51}[name]
        assert all(item.label in item.media_id for item in listing.items)

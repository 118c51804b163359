"""Listings of Kinetics, Mini-Kinetics, Something-something, UCF101 and HMDB51, laid out as they are released."""

import csv
import json
import random
import time
from collections import Counter

import pytest

from s3d_tf.data import datasets
from s3d_tf.data.datasets import list_dataset
from tests.conftest import shared_folder

HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"


def make(root, files):
    for name, text in files.items() if isinstance(files, dict) else ((name, "") for name in files):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return root


def brief(listing):
    return {(item.media_id, item.label, item.split) for item in listing.items}


def test_kinetics_finds_files_in_every_official_place_and_lists_those_that_are_gone(tmp_path):
    lists = make(
        tmp_path / "lists",
        {
            "train.csv": HEADER + 'air drumming,aaaaaaaaaaa,5,15,train,0\nzumba,bbbbbbbbbbb,120,130,train,0\n"a, b",'
            "ccccccccccc,0,10,train,0\nair drumming,ddddddddddd,1,11,train,0\nzumba,bbbbbbbbbbb,120,130,train,1\n",
            "val.csv": HEADER + "zumba,-_eeeeeeeee,7.0,17.0,validate,0\n",
            "test.csv": "youtube_id,time_start,time_end,split\nfffffffffff,1,11,test\n",
            "notes.csv": "a,b\n1,2\n",
        },
    )
    videos = make(
        tmp_path / "videos",
        [
            *("train/air_drumming/aaaaaaaaaaa_000005_000015.webm", "train/zumba/bbbbbbbbbbb_000120_000130.mp4"),
            *("train/a, b/ccccccccccc_000000_000010.mp4", "-_eeeeeeeee_000007_000017.mkv"),
            *("train/zumba/notes.txt", "train/.hidden/ddddddddddd_000001_000011.mp4"),
        ],
    )
    listing = list_dataset("kinetics400", videos, lists)
    assert brief(listing) == {
        ("train/air_drumming/aaaaaaaaaaa_000005_000015.webm", "air drumming", "train"),
        ("train/zumba/bbbbbbbbbbb_000120_000130.mp4", "zumba", "train"),
        ("train/a, b/ccccccccccc_000000_000010.mp4", "a, b", "train"),
        ("train/air_drumming/ddddddddddd_000001_000011.mp4", "air drumming", "train"),  # beside its like
        ("-_eeeeeeeee_000007_000017.mkv", "zumba", "val"),
    }
    assert listing.classes == ["a, b", "air drumming", "zumba"]
    assert {item.path for item in listing.items} == {str(videos / item.media_id) for item in listing.items}
    assert {(item.start, item.end) for item in listing.items} == {(0.0, 0.0)}
    assert (listing.dataset, listing.may_flip, listing.eval_frames) == ("kinetics400", True, 250)
    assert listing.remarks == [
        "CSVs without the columns of Kinetics, left out: 1 (notes.csv)",
        "clips without a label in test.csv, left out: 1 (fffffffffff)",
        "clips listed more than once, of which the first row counts: 1 (bbbbbbbbbbb_000120_000130)",
        "listed videos that are not there: 1 (train/air_drumming/ddddddddddd_000001_000011.mp4)",
    ]


def test_untrimmed_kinetics_has_a_span_and_a_trimmed_copy_goes_first(tmp_path):
    rows = (
        "a,aaaaaaaaaaa,5,15,train,0\na,aaaaaaaaaaa,40,50,train,0\nb,bbbbbbbbbbb,3,13,train,0\nb,ccccccccccc,1,2,val,0\n"
    )
    lists = make(tmp_path / "lists", {"train.csv": HEADER + rows})
    videos = make(tmp_path / "v", ["aaaaaaaaaaa.mp4", "bbbbbbbbbbb.mp4", "bbbbbbbbbbb_000003_000013.mp4"])
    found = {i.media_id: (i.path, i.start, i.end) for i in list_dataset("kinetics700", videos, lists).items}
    assert found == {
        "aaaaaaaaaaa.mp4#5-15": (f"{videos}/aaaaaaaaaaa.mp4", 5.0, 15.0),
        "aaaaaaaaaaa.mp4#40-50": (f"{videos}/aaaaaaaaaaa.mp4", 40.0, 50.0),
        "bbbbbbbbbbb_000003_000013.mp4": (f"{videos}/bbbbbbbbbbb_000003_000013.mp4", 0.0, 0.0),
        "ccccccccccc.mp4#1-2": (f"{videos}/ccccccccccc.mp4", 1.0, 2.0),
    }


def test_a_label_map_gives_the_ids_and_names_what_it_lacks(tmp_path):
    make(tmp_path, {"x.csv": HEADER + "b,aaaaaaaaaaa,1,2,train,0\nq,bbbbbbbbbbb,1,2,train,0\n", "map.txt": "z\nb\n"})
    listing = list_dataset("kinetics600", tmp_path, label_map=tmp_path / "map.txt")
    assert (listing.classes, [item.label for item in listing.items]) == (["z", "b"], ["b"])
    assert "clips of labels that the label map lacks, left out: 1 (bbbbbbbbbbb_000001_000002: q)" in listing.remarks


def test_random_rows_either_list_a_clip_or_are_named(tmp_path):
    """Of 400 broken rows each is named by its line; without them the file is read. No other error, within seconds."""
    rng = random.Random(0)
    good = ["some label", "abcdefghijk", "1", "11", "train", "0"]
    odd = [
        "",
        "nan",
        "-1",
        "1e400",
        "../up",
        "x\x00y",
        "\u2028",
        "9" * 5000,
        "caf\u00e9",
        "a/b",
        "1.5",
        "#NAME?",
        "Train ",
    ]
    rows = []
    for index in range(400):
        row = [*good]
        row[1] = f"{index:011d}"
        for _ in range(rng.randrange(3)):
            row[rng.randrange(5)] = rng.choice(odd)
        if rng.random() < 0.1:
            row = row[: rng.randrange(1, 6)] if rng.random() < 0.5 else [*row, "more"]
        rows.append(row)
    start = time.monotonic()
    removed = 0
    while True:
        with (tmp_path / "train.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEADER.strip().split(","), *rows])
        try:
            listing = list_dataset("kinetics400", tmp_path)
            break
        except ValueError as error:
            message = str(error)
        assert str(tmp_path / "train.csv") in message
        assert "Received: " in message
        assert len(message) < 1000
        numbers = message.removeprefix("Line ").split(" of ")[0].split(" (")[0]
        bad = {int(number) - 2 for number in numbers.split(", ")}
        removed += len(bad)
        rows = [row for index, row in enumerate(rows) if index not in bad]
    assert 100 < removed < 390
    assert len(listing.items) == len(rows) == 400 - removed
    sound = [row for row in rows if row == [good[0], row[1], *good[2:]]]
    assert len(sound) > 100
    assert {item.media_id for item in listing.items} >= {f"some label/{row[1]}_000001_000011.mp4" for row in sound}
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", r"CSV cannot be read.*utf-8.*train.csv"),
        (HEADER.encode() + b'"' + b"x" * 200_000, r"Line 2 of the CSV cannot be read: field larger"),
        (HEADER.encode() + b"a,bbbbbbbbbbb,1,11,train\n", r"Line 2 of .*Received: 'a,bbbbbbbbbbb,1,11,train'"),
        (HEADER.encode() + b"..,bbbbbbbbbbb,1,11,train,0\n", r"Line 2 of .*Received: '\.\.,bbb"),
        (b"path,label\n", r"CSVs of Kinetics .* are needed"),
        (b"", r"CSVs of Kinetics .* are needed"),
    ],
)
def test_a_kinetics_csv_that_makes_no_sense(tmp_path, content, message):
    (tmp_path / "train.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        list_dataset("kinetics400", tmp_path)


def test_mini_kinetics_joins_its_ids_with_the_csv(tmp_path):
    make(
        tmp_path,
        {
            "train.csv": HEADER + "a,aaaaaaaaaaa,1,11,train,0\nb,bbbbbbbbbbb,1,11,train,0\nb,ccccccccccc,1,11,val,0\n"
            "b,ccccccccccc,50,60,train,0\n",
            "train_ytid_list.txt": "bbbbbbbbbbb\r\nzzzzzzzzzzz\r\nbbbbbbbbbbb\r\n",
            "val_ytid_list.txt": "ccccccccccc\n",
        },
    )
    listing = list_dataset("mini_kinetics200", tmp_path)
    assert brief(listing) == {
        ("b/bbbbbbbbbbb_000001_000011.mp4", "b", "train"),
        ("b/ccccccccccc_000001_000011.mp4", "b", "val"),
    }
    assert listing.remarks[:4] == [
        "train ids that the Kinetics CSV lacks, left out: 1 (zzzzzzzzzzz)",
        "ids listed more than once, of which the first counts: 1 (bbbbbbbbbbb)",
        "ids of several clips, of which one is taken: 1 (ccccccccccc)",
        "classes found, of Mini-Kinetics's 200: 1 (b)",
    ]
    (tmp_path / "val_ytid_list.txt").write_text("ccccccccccc\n../../etc/x\n")
    with pytest.raises(
        ValueError, match=r"Line 2 of .*val_ytid_list.txt must be a YouTube id. Received: '../../etc/x'"
    ):
        list_dataset("mini_kinetics200", tmp_path)


def test_mini_kinetics_by_the_papers_rule(tmp_path):
    """Class n of 202 has 398 + n training clips: those of 398 and 399 drop out, the others give 400 and 25."""
    with (tmp_path / "all.csv").open("w") as file:
        file.write(HEADER)
        for label in range(202):
            for index in range(398 + min(label, 6)):
                file.write(f"c{label:03d},t{label:03d}{index:07d},1,11,train,0\n")
            for index in range(26):
                file.write(f"c{label:03d},v{label:03d}{index:07d},1,11,val,0\n")
    first = list_dataset("mini_kinetics200", tmp_path, make_split=True)
    assert Counter(item.split for item in first.items) == {"train": 80_000, "val": 5_000}
    assert first.classes == [f"c{label:03d}" for label in range(2, 202)]
    assert set(Counter((item.label, item.split) for item in first.items).values()) == {400, 25}
    assert len({item.path for item in first.items}) == 85_000
    from s3d_tf.data.layouts import kinetics, source

    clips = kinetics.read_clips(source.Source(tmp_path, tmp_path), source.Remarks())
    chosen = [kinetics.choose_mini(clips, seed, source.Remarks()) for seed in (0, 1)]
    assert [clip.stem for clip in chosen[0]] == [item.media_id[5:-4] for item in first.items]  # the seed decides
    assert {*chosen[0]} != {*chosen[1]}


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

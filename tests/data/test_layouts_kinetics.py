"""Listings of Kinetics and Mini-Kinetics, laid out as they are released."""

import csv
import random
import time
from collections import Counter

import pytest

from s3d_tf.data.datasets import list_dataset
from s3d_tf.data.layouts import kinetics, source
from tests.data.layout_files import brief, make

HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"


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
    clips = kinetics.read_clips(source.Source(tmp_path, tmp_path), source.Remarks())
    chosen = [kinetics.choose_mini(clips, seed, source.Remarks()) for seed in (0, 1)]
    assert [clip.stem for clip in chosen[0]] == [item.media_id[5:-4] for item in first.items]  # the seed decides
    assert {*chosen[0]} != {*chosen[1]}

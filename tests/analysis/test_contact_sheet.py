"""Where pictures of predictions go: one rule for one video and for many."""

from pathlib import Path

import numpy as np
import pytest

from s3d_tf.analysis.contact_sheet import check_picture, picture_path, write_picture


def test_an_ending_makes_a_file_and_all_else_is_a_folder(tmp_path):
    assert picture_path(tmp_path / "p.png", Path("a.mp4")) == tmp_path / "p.png"
    assert picture_path(tmp_path / "p.JPG", Path("a.mp4"), "_250") == tmp_path / "p_250.JPG"
    assert picture_path(tmp_path / "p", Path("b/a.mp4"), "_250") == tmp_path / "p/b/a.mp4_250.png"
    (tmp_path / "v1.2").mkdir()
    assert picture_path(tmp_path / "v1.2", Path("a.mp4")) == tmp_path / "v1.2/a.mp4.png"
    path = picture_path(tmp_path / "p", Path("b/a.mp4"))
    write_picture(path, np.zeros((8, 8, 3), np.uint8))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "v1.2").mkdir()
    for good, videos in (("p", 9), ("p.png", 1), ("v1.2", 9)):
        check_picture(tmp_path / good, videos)
    for bad, videos, message in (
        ("p.gif", 1, r"must end in \.png or \.jpg, or be a folder"),
        ("file", 1, r"must end in \.png or \.jpg, or be a folder"),
        ("p.png", 2, "pictures of 2 videos need a folder"),
        ("none/p.png", 1, "folder does not exist"),
    ):
        with pytest.raises(ValueError, match=f"{message}.*Received: {tmp_path / bad}$"):
            check_picture(tmp_path / bad, videos)

"""Where numbers were made: the commit of this checkout alone, dirty where its code differs, noted once a part."""

import subprocess

import pytest

from experiments import provenance
from s3d_tf.files import read_json


@pytest.fixture
def checkout(tmp_path):
    """A repository with one commit of `s3d_tf/a.py`."""
    root = tmp_path / "checkout"
    (root / "s3d_tf").mkdir(parents=True)
    (root / "s3d_tf" / "a.py").write_text("a = 1\n")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *arguments], check=True)
    return root


def test_changed_code_is_dirty_and_results_are_not(checkout):
    name = provenance.commit(checkout)
    assert len(name) == 12 and set(name) <= set("0123456789abcdef")
    (checkout / "results").mkdir()
    (checkout / "results" / "a.json").write_text("{}")
    assert provenance.commit(checkout) == name
    (checkout / "s3d_tf" / "b.py").write_text("b = 1\n")
    assert provenance.commit(checkout) == f"{name} dirty"


def test_a_folder_inside_of_somebodys_repository_has_no_commit(checkout, tmp_path):
    assert provenance.commit(checkout / "s3d_tf") == "" == provenance.commit(tmp_path)


def test_it_is_noted_once_and_told_by_commit_and_machine(tmp_path, monkeypatch):
    made = dict(commit="a", machine=dict(cpu="x"), versions={})
    folders = [tmp_path / name for name in "abcd"]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(provenance, "here", lambda: made)
    provenance.keep(folders[0], 1.5)
    provenance.keep(folders[1], 2.0)
    monkeypatch.setattr(provenance, "here", lambda: made | dict(commit="b"))
    provenance.keep(folders[1], 9.0)
    provenance.keep(folders[2], 4.0)
    first, second, unknown = provenance.collect(folders)
    assert (first["commit"], first["parts"], first["seconds"]) == ("a", 2, 3.5) and first["first"] <= first["last"]
    assert (second["commit"], second["parts"], second["seconds"]) == ("b", 1, 4.0)
    assert (unknown["commit"], unknown["parts"], unknown["first"]) == (None, 1, None)
    assert read_json(folders[1] / provenance.FILE)["seconds"] == 2.0

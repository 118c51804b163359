"""A binary from flags to files, and what it refuses."""

import json

import pytest

BINARY = "../experiments/footnote5_branches.py"


@pytest.fixture(scope="module")
def dry_run(run_script, tmp_path_factory):
    """The folder of a dry run of footnote 5 at the scale of the paper."""
    folder = tmp_path_factory.mktemp("results") / "footnote5"
    done = run_script(BINARY, "--scale=paper", "--dry_run", f"--output_dir={folder}")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_dry_run_builds_full_size_networks_on_the_official_layout(dry_run):
    lines = [json.loads(line) for line in (dry_run / "metrics.jsonl").read_text().splitlines()]
    assert [(line["name"], line["steps"], line["data"]) for line in lines] == [
        ("two", 2, "mini_kinetics"),
        ("four", 2, "mini_kinetics"),
    ]
    assert [round(line["multiply_adds"] / 1e9, 2) for line in lines] == [64.18, 68.18]
    config = json.loads((dry_run.parent / "shared" / "parts" / lines[0]["part"] / "config.json").read_text())
    assert (config["recipe"]["width"], config["recipe"]["network_changes"]) == (1.0, ["temporal_branches=1+2"])
    assert config["data"].startswith("kinetics400, 4 videos")
    assert "| S3D, four branches | Mini-Kinetics-200 |" in (dry_run / "table.md").read_text()


def test_a_finished_part_is_not_run_again(dry_run, run_script):
    parts = sorted((dry_run.parent / "shared" / "parts").glob("*/*.json"))
    before = {path: path.stat().st_mtime_ns for path in parts}
    (dry_run / "table.md").unlink()
    done = run_script(BINARY, "--scale=paper", "--dry_run", f"--output_dir={dry_run}")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in parts} == before and len(parts) == 8
    assert (dry_run / "table.md").exists()


@pytest.mark.parametrize(
    ("flags", "status", "told"),
    [
        (
            ["--scale=paper"],
            1,
            "error: Name the records of mini_kinetics: --data_dirs=mini_kinetics=DIR. Received: none",
        ),
        (["--scale=paper", "--data_dirs=there"], 1, "Received: 'there'"),
        (["--seeds=1,x"], 1, "Received: '1,x'"),
        (["--scale=paper", "--steps=5"], 1, "Received: steps=5"),
        (["--scale=big"], 2, "(--help lists the flags)"),
    ],
)
def test_what_is_refused_is_one_sentence(run_script, tmp_path, flags, status, told):
    done = run_script(BINARY, *flags, f"--output_dir={tmp_path / 'out'}")
    assert done.returncode == status and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].endswith(told)

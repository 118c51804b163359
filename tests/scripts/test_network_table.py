import json


def test_json(run_script):
    flags = ("--network=s3d,top_heavy_s3d:2", "--num_frames=16", "--image_size=112", "--num_classes=7", "--json")
    done = run_script("network_table.py", *flags)
    rows = json.loads(done.stdout)
    assert [row["network"] for row in rows] == ["s3d", "top_heavy_s3d:2"]
    assert {"network", "params", "multiply_adds", "num_frames", "image_size", "num_classes"} <= set(rows[0])
    assert (rows[0]["num_frames"], rows[0]["image_size"], rows[0]["num_classes"]) == (16, 112, 7)


def test_the_papers_figures_stand_beside_ours(run_script):
    done = run_script("network_table.py", "--network=s3d")
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("s3d "))
    assert line.split() == ["s3d", "9.69", "8.77", "68.18", "66.38"]
    assert "64x224x224" in done.stdout and "convention paper" in done.stdout


def test_an_unknown_network_is_one_sentence(run_script):
    done = run_script("network_table.py", "--network=s4d")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].endswith("Received: 's4d'")

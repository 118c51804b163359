"""Writes golden.json, the first 8 logits of each case of test_pretrained.py: to be run only when a convention changes.

PYTHONPATH=. python tests/weights/make_golden.py
"""

import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))


def main() -> None:
    if not (HERE / "golden.json").exists():
        (HERE / "golden.json").write_text("{}")
    from sources import video, weights
    from test_pretrained import CASES, write

    from s3d_tf import load_pretrained

    logits = {}
    for case, (table, is_pytorch, shape) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            model = load_pretrained(write(pathlib.Path(folder), weights(table, is_pytorch), is_pytorch))
        logits[case] = [float(f"{value:.6g}") for value in model(video(shape)).numpy()[0, :8]]
        print(case, model.name, logits[case])
    (HERE / "golden.json").write_text(json.dumps(logits, indent=1) + "\n")


if __name__ == "__main__":
    main()

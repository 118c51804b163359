"""Draws how training runs went: loss, top-1, learning rate, clips a second, input wait and gradient norm by step; of
detectors the losses of each head, and how many actors their proposals find.

    python scripts/plot_run.py --work_dirs=RUN --output=curves.png
    python scripts/plot_run.py --work_dirs=RUN_A,RUN_B --output=curves.svg

Reads each RUN/metrics.jsonl, and RUN/evaluations.jsonl where there is one. The lines as they are drawn faint, their
means over --smoothing lines above.
"""

import sys
from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.analysis import curves
from s3d_tf.files import write_bytes

WORK_DIRS = flags.DEFINE_list(
    "work_dirs", None, "Runs of scripts/train.py or scripts/train_detector.py.", required=True
)
OUTPUT = flags.DEFINE_string("output", "curves.png", "Where the picture goes, .png or .svg.")
SMOOTHING = flags.DEFINE_integer(
    "smoothing",
    None,
    "Lines that are averaged; the root of half their number by default, 1 for none.",
    lower_bound=1,
)


def main(_) -> int | None:
    output = Path(OUTPUT.value)
    if output.suffix.lower() not in (".png", ".svg"):
        raise ValueError(f"The picture must end in .png or .svg. Received: {OUTPUT.value}")
    if not output.absolute().parent.is_dir():
        raise ValueError(f"The picture's folder does not exist. Received: {OUTPUT.value}")
    runs, remarks = curves.read_runs([Path(work_dir) for work_dir in WORK_DIRS.value])
    for remark in remarks:
        print(f"note: {remark}")
    try:
        picture = curves.draw(runs, output.suffix.lower()[1:], SMOOTHING.value)
    except ImportError as error:
        print(f"error: Curves are drawn by matplotlib: pip install -e '.[plots]'. Received: {error}", file=sys.stderr)
        return 1
    write_bytes(output, picture)
    print(f"picture: {output}")
    return None


if __name__ == "__main__":
    cli.run(main)

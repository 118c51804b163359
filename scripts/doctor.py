"""Prints what a question about speed or installation needs, and one sentence of advice. Paste it into bug reports.

    python scripts/doctor.py
    python scripts/doctor.py --output=doctor.json

It prints versions, the CPU and its features, whether oneDNN is on, the GPUs that TensorFlow sees and does not see, the
limits of the container, memory, disk, the environment variables that matter, and how fast a small Conv3D and its
gradient are beside a matrix product. It takes about 6 seconds of CPU time. Expected last line, with other figures:

    Everything is as expected: Conv3D runs at 42 % and its gradient at 54 % of the matrix product.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.analysis import doctor
from s3d_tf.files import write_json

OUTPUT = flags.DEFINE_string("output", None, "Where to write all of it as JSON.")


def main(_):
    doctor.use_one_thread()
    facts = doctor.examine()
    print("\n".join(doctor.lines(facts)))
    if OUTPUT.value:
        write_json(Path(OUTPUT.value), facts)


if __name__ == "__main__":
    cli.run(main)

"""Mean and standard deviation of top-1 and top-5 over the splits of a data set (UCF101 and HMDB51 have three).

    python scripts/average_splits.py --evaluations=1/evaluation_test.json,2/evaluation_test.json,3/evaluation_test.json

Takes what scripts/evaluate.py wrote, of one network trained on each split. Numbers that were measured in different ways
are refused.
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.analysis.averages import MEASURES, average, read_evaluations
from s3d_tf.files import write_json

EVALUATIONS = flags.DEFINE_list("evaluations", None, "Files evaluation_SPLIT.json, one a split.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "Where to write the numbers as JSON.")


def main(_):
    result = average(read_evaluations(EVALUATIONS.value))
    columns = [("", result), *result.get("streams", {}).items()]
    heads = [f"{name} {measure}".strip() for name, _ in columns for measure in MEASURES]
    print("".join(f"{head:>12}" for head in heads) + "  videos")
    for place, path in enumerate(result["evaluations"]):
        values = [found[measure]["values"][place] for _, found in columns for measure in MEASURES]
        print("".join(f"{value:>12.2%}" for value in values) + f"  {result['num_videos'][place]} of {path}")
    for what in ("mean", "std"):
        values = [found[measure][what] for _, found in columns for measure in MEASURES]
        print("".join(f"{value:>12.2%}" for value in values) + f"  {what}")
    network = result["network"]
    named = network if isinstance(network, str) else " and ".join(network.values())
    print(f"{named} (chance {result['chance']:.2%}; {'; '.join(result['protocol'].values())})")
    if result["damaged"]:
        print(f"{result['damaged']} damaged records left out")
    if OUTPUT.value:
        write_json(Path(OUTPUT.value), result)


if __name__ == "__main__":
    cli.run(main)

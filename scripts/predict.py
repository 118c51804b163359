"""The top 5 classes of a video, and a picture of the frames used with their bars.

    python scripts/predict.py --model=MODEL --video=FILE --picture=prediction.png

MODEL is what scripts/export.py wrote, a work_dir of scripts/train.py, or weights of any known source (docs/weights.md).
All frames count; a video of more than 250 goes in windows whose logits are averaged.
"""

import json
from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.analysis.contact_sheet import check_picture, contact_sheet, picture_path, write_picture
from s3d_tf.serving.predict import Predictor, load_predictor, predictor_of
from s3d_tf.training import checkpoints, config

MODEL = flags.DEFINE_string("model", None, "An exported model, a work_dir, or weights.", required=True)
VIDEO = flags.DEFINE_string("video", None, "A video file.", required=True)
PICTURE = flags.DEFINE_string(
    "picture", "prediction.png", "A file, .png or .jpg, or a folder for VIDEO.png; '' for none."
)
JSON = flags.DEFINE_bool("json", False, "Print JSON.")
TOP = flags.DEFINE_integer("top", 5, "Classes to print.", lower_bound=1)


def main(_):
    if PICTURE.value:
        check_picture(Path(PICTURE.value))
    prediction = load(Path(MODEL.value)).predict(Path(VIDEO.value))
    top = prediction.ranking[: TOP.value]
    if JSON.value:
        print(json.dumps(dict(video=VIDEO.value, frames=prediction.num_frames, top=top)))
    else:
        print(f"{VIDEO.value} ({prediction.num_frames} frames)")
        for label, score in top:
            print(f"{score:8.2%}  {label}")
    if PICTURE.value:
        title = f"{Path(VIDEO.value).name}, {prediction.num_frames} frames"
        path = picture_path(Path(PICTURE.value), Path(Path(VIDEO.value).name))
        write_picture(path, contact_sheet(prediction.sample, prediction.ranking, title, TOP.value))
        if not JSON.value:
            print(f"picture: {path}")


def load(model: Path) -> Predictor:
    """Of a run, or of what `load_predictor` takes."""
    return predictor_of(checkpoints.load_model(model)[0]) if config.has_run(model) else load_predictor(model)


if __name__ == "__main__":
    cli.run(main)

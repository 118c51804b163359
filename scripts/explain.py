"""What in a video speaks for a class: Grad-CAM over its frames, as a contact sheet and as an animation.

    python scripts/explain.py --weights=RUN --video=FILE
    python scripts/explain.py --weights=s3d.pth --video=FILE --class="playing cricket" --animation=cricket.mp4

WEIGHTS are a work_dir of scripts/train.py or weights of any known source (docs/weights.md); the video is read,
resized and cropped as scripts/predict.py does it. A video of more than 250 frames goes in windows; --window says which
one is shown (docs/explain.md).
"""

from pathlib import Path

from absl import flags

from s3d_tf import cli
from s3d_tf.analysis import heat
from s3d_tf.analysis.contact_sheet import check_picture, write_picture
from s3d_tf.analysis.explanation import explain, rate
from s3d_tf.training.checkpoints import load_weights

WEIGHTS = flags.DEFINE_string("weights", None, "A work_dir, or weights of any known source.", required=True)
VIDEO = flags.DEFINE_string("video", None, "A video file, or a folder of frames.", required=True)
CLASS = flags.DEFINE_string("class", None, "Name of the class; the top one by default.")
ENDPOINT = flags.DEFINE_string("endpoint", "Mixed_5c", "The layer whose activations are weighed.")
WINDOW = flags.DEFINE_integer("window", 0, "Which window of a long video, from 0.", lower_bound=0)
PICTURE = flags.DEFINE_string("picture", "explanation.png", "Where the contact sheet goes; empty for none.")
ANIMATION = flags.DEFINE_string("animation", "explanation.gif", "Where the .gif or .mp4 goes; empty for none.")


def main(_):
    picture, animation, video = Path(PICTURE.value), Path(ANIMATION.value), Path(VIDEO.value)
    if PICTURE.value:
        check_picture(picture)
    if ANIMATION.value:
        heat.check_animation(animation)
    model = load_weights(WEIGHTS.value)
    found = explain(model, video, CLASS.value, ENDPOINT.value, WINDOW.value)
    score = dict(found.ranking)[found.label]
    frames = f"frames {found.start} to {found.start + len(found.frames) - 1}"
    follow = f"; more follow: --window={WINDOW.value + 1}" if found.more else ""
    print(f"{VIDEO.value}, {frames}{follow}\n{score:8.2%}  {found.label}, at {ENDPOINT.value}")
    if not found.heat.any():
        print(f"nothing at {ENDPOINT.value} speaks for {found.label}: there is no heat")
    if PICTURE.value:
        title = f"Grad-CAM: {found.label}, at {ENDPOINT.value}"
        write_picture(picture, heat.heat_sheet(found.frames, found.heat, found.start, found.ranking, title))
        print(f"picture: {picture}")
    if ANIMATION.value:
        heat.write_animation(animation, found.frames, found.heat, rate(model, video))
        print(f"animation: {animation}")


if __name__ == "__main__":
    cli.run(main)

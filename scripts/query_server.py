"""Sends videos to a model behind TensorFlow Serving: the top 5 classes of each.

    python scripts/query_server.py --server=localhost:8500 --model=model --video=a.mp4,folder_of_frames,folder_of_videos
    python scripts/query_server.py --server=http://localhost:8501 --model=model --video=a.mp4 --json
    python scripts/query_server.py --server=host:8500 --tls --token_file=token --video=a.mp4 --picture=pictures

The model, exported by scripts/export.py, tells the client what it needs. Frames are resized as for training and sent as
JPEGs. A long video goes in windows of 250 frames, averaged, or with --per_window an answer each, shown as soon as it is
there. Ends with status 1 when a video could not be read or the server failed for it; the other videos are done all the
same.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from absl import flags
from tqdm import tqdm

from s3d_tf import cli
from s3d_tf.analysis.contact_sheet import check_picture, contact_sheet, picture_path, write_picture
from s3d_tf.flag_fields import define, given
from s3d_tf.serving.answer import Answer, average
from s3d_tf.serving.client import Client
from s3d_tf.serving.connection import Connection
from s3d_tf.serving.parallel import Done, in_order
from s3d_tf.serving.video_input import WINDOW, find_videos

VIDEO = flags.DEFINE_list("video", None, "Video files, folders of frames, folders of videos.", required=True)
WINDOW_FLAG = flags.DEFINE_integer(
    "window", None, f"Frames sent at once; {WINDOW} by default, or as many as the model takes.", lower_bound=1
)
STRIDE = flags.DEFINE_integer("stride", None, "Frames from a window to the next; a window by default.", lower_bound=1)
PER_WINDOW = flags.DEFINE_bool("per_window", False, "An answer a window, not their average.")
TOP = flags.DEFINE_integer("top", 5, "Classes to print.", lower_bound=1)
JSON = flags.DEFINE_bool("json", False, "Print a line of JSON an answer.")
PICTURE = flags.DEFINE_string(
    "picture", None, "A folder for VIDEO.png of each; of one video also a file, .png or .jpg."
)
PARALLEL = flags.DEFINE_integer("parallel", 4, "Videos at a time.", lower_bound=1)
CONNECTION = define(Connection)

IN_VAIN = 2  # videos one after the other that no server answered for, before the others are given up


def main(_):
    videos = find_videos(VIDEO.value)
    pictures = Path(PICTURE.value) if PICTURE.value else None
    if pictures:
        check_picture(pictures, len(videos))
    connection = Connection(**given(Connection, CONNECTION))
    client = Client(connection.open(), connection.deadline, connection.retries)
    client.frames_at_once(WINDOW_FLAG.value)
    try:
        failed = ask_all(client, videos, pictures)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        leave(130)
    if len(videos) > 1 and failed:
        some = " for some or all windows" if PER_WINDOW.value else ""
        print(f"error: {failed} of {len(videos)} videos have no answer{some}", file=sys.stderr)
    leave(1 if failed else 0)


def leave(status: int) -> None:
    """Ends the program at once: threads that wait for a server cannot be told to stop, and nothing is half-written."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def ask_all(client: Client, videos: list[Path], pictures: Path | None) -> int:
    """Prints the answers in the order of the videos, as they come; how many videos have none, or not all."""
    failed = ended = in_vain = 0
    answers = in_order(lambda video: ask(client, video), videos, PARALLEL.value)
    with tqdm(total=len(videos), unit="video", disable=len(videos) == 1) as bar:
        for done in answers:
            if not done.last:
                show(done.item, done.value, pictures and picture_of(done, pictures, videos))
                continue
            ended += 1
            bar.update()
            if done.error:
                failed += 1
                report(done)
            in_vain = in_vain + 1 if getattr(done.error, "code", "") == "UNAVAILABLE" else 0
            if in_vain == IN_VAIN:  # their retries are over: the others would wait as long
                return failed + len(videos) - ended
    return failed


def ask(client: Client, video: Path) -> Iterable[Answer]:
    """One answer, or one a window."""
    answers = client.classify_windows(video, WINDOW_FLAG.value, STRIDE.value)
    if not PER_WINDOW.value:
        answers = [average(answers, client.labels)]
    for answer in answers:  # frames are kept for pictures alone
        yield answer if PICTURE.value else answer._replace(sample={})


def report(done: Done) -> None:
    """Says why a video has no answer, or none of its other windows."""
    if not isinstance(done.error, ValueError | OSError):
        raise done.error
    text = str(done.error)
    text = text if str(done.item) in text else f"{done.item}: {text}"
    tqdm.write(f"error: {plain(text)}", file=sys.stderr)


def show(video: Path, answer: Answer, picture: Path | None) -> None:
    """Prints an answer, and draws it."""
    tqdm.write(line(video, answer), file=sys.stdout)
    if picture:
        title = f"{video.name}, {answer.num_frames} frames from {answer.start}"
        write_picture(picture, contact_sheet(answer.sample, answer.ranking, title, TOP.value))
    sys.stdout.flush()  # for who reads it from a pipe


def picture_of(done: Done, pictures: Path, videos: list[Path]) -> Path:
    """Where an answer's picture goes: videos of one name in several folders keep the folders apart."""
    common = os.path.commonpath([os.path.abspath(other.parent) for other in videos])
    inside = os.path.relpath(os.path.abspath(done.item), common)
    return picture_path(pictures, Path(inside), f"_{done.value.start}" if PER_WINDOW.value else "")


def plain(text: str) -> str:
    """Without control characters, which a server's words may hold and a terminal obeys."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def line(video: Path, answer: Answer) -> str:
    """An answer as text or as JSON."""
    top = answer.ranking[: TOP.value]
    if JSON.value:
        return json.dumps(dict(video=str(video), start=answer.start, frames=answer.num_frames, top=top))
    place = f"frames {answer.start} to {answer.start + answer.num_frames - 1}" if PER_WINDOW.value else ""
    head = f"{video} ({place or f'{answer.num_frames} frames'})"
    return "\n".join(map(plain, [head, *(f"{score:8.2%}  {label}" for label, score in top)]))


if __name__ == "__main__":
    cli.run(main)

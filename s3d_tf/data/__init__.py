"""Video files -> TFRecords -> clips. Knows nothing of the networks."""

import os

# Read when a video is opened. FFmpeg would write about every damaged packet on its own; what matters of it comes back
# as a VideoError.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

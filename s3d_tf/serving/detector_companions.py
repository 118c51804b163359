"""What lies beside an exported detector for TF Serving: a warm-up request, its configuration, how to start it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from absl import logging

from ..data.clips import CHANNELS
from ..files import write_text
from .classifier import JPEGS, PIXELS
from .companions import ENCRYPTED, MARK, MODELS, MONITORING, STARTING, WARMUP, check_folder
from .detector_graph import DetectorGraph

__all__ = ["check_folder", "write_beside", "write_warmup"]

README = (
    MARK
    + """
# {name}

A detector of {classes} classes ({network}), for TensorFlow Serving. `1`, `2` ... are its versions; the newest one is
served.

"""
    + STARTING
    + """
"""
    + ENCRYPTED
    + """
## Ask

```bash
python scripts/query_detector.py --server=localhost:8500 --model={name} --video=VIDEO --output_dir=found
python scripts/query_detector.py --server=http://localhost:8501 --model={name} --video=VIDEO --output_dir=found
python scripts/query_detector.py --server=localhost:8500 --model={name} --video=VIDEO --output_dir=found \\
    --tls_ca="$HOME/{name}-tls/cert.pem"
```

## Signatures

| signature | takes | returns |
|---|---|---|
| `serving_default` | {jpegs} | `boxes`, `scores`, `classes`, `count` |
| `frames` | {pixels} | the same |
| `info` | `query`, any string `[N]` | `info` `[N]`: sizes, labels and limits as JSON |

Boxes `[B, N, 4]` (ymin, xmin, ymax, xmax in [0, 1]) are those of frame {key_frame} of a clip, `scores` `[B, N]` fall,
`classes` `[B, N]` are names; after `count` `[B]` of them they are empty. A call takes {max_clips} clips of frames of up
to {max_pixels} pixels, of any size (flow is that of frames of {size}); what cannot be taken is an InvalidArgument that
says why.
"""
)


def write_beside(directory: Path, graph: DetectorGraph) -> None:
    """Writes README.md, models.config and monitoring.config into the folder of the versions."""
    name, recipe = directory.name, graph.recipe
    fields = dict(name=name, network=graph.network, classes=len(graph.labels), frames=recipe.num_frames)
    jpegs = [f"`{JPEGS[stream]}`, JPEG strings `[B, {recipe.num_frames}]`" for stream in graph.streams]
    pixels = [
        f"`{PIXELS[stream]}`, uint8 `[B, {recipe.num_frames}, H, W, {CHANNELS[stream]}]`" for stream in graph.streams
    ]
    fields |= dict(key_frame=recipe.key_frame, jpegs=" and ".join(jpegs), pixels=" and ".join(pixels))
    limits = dict(
        max_clips=graph.limits.max_clips, max_pixels=graph.limits.max_pixels, size=f"{recipe.rows}x{recipe.columns}"
    )
    write_text(directory / "README.md", README.format(**fields, **limits))
    write_text(directory / "models.config", MODELS.format(name=name))
    write_text(directory / "monitoring.config", MONITORING)


def write_warmup(version: Path, graph: DetectorGraph) -> None:
    """Writes the request that TF Serving sends to itself before it lets others in: a clip of grey frames.

    It needs tensorflow-serving-api; without it a warning says that there is none.
    """
    try:
        from tensorflow_serving.apis import prediction_log_pb2
    except ModuleNotFoundError:
        logging.warning("no warm-up request is written: it needs pip install -e '.[serving]'")
        return
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = "serving_default"
    recipe = graph.recipe
    jpeg = cv2.imencode(".jpg", np.full((recipe.rows, recipe.columns, 3), 128, np.uint8))[1].tobytes()
    for stream in graph.streams:
        request.inputs[JPEGS[stream]].CopyFrom(tf.make_tensor_proto([[jpeg] * recipe.num_frames]))
    with tf.io.TFRecordWriter(str(version / WARMUP)) as writer:
        writer.write(log.SerializeToString())

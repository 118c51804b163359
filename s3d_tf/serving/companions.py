"""What lies beside an exported model for TF Serving: warm-up requests, its configuration, how to start it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from absl import logging

from ..files import write_text
from .classifier import JPEGS, Classifier

WARMUP = "assets.extra/tf_serving_warmup_requests"
WARMUP_FRAMES = 64

MODELS = """\
# tensorflow_model_server --model_config_file: where docker mounts this folder, see README.md.
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
    model_version_policy {{ latest {{ num_versions: 1 }} }}
  }}
}}
"""

BATCHING = """\
# tensorflow_model_server --enable_batching --batching_parameters_file: requests of equal shape are computed together.
# One bad request fails all that it was batched with: only for callers you trust.
max_batch_size {{ value: {batch} }}
batch_timeout_micros {{ value: 10000 }}
num_batch_threads {{ value: 2 }}
max_enqueued_batches {{ value: 16 }}
allowed_batch_sizes: {sizes}
"""

MONITORING = """\
# tensorflow_model_server --monitoring_config_file: figures for Prometheus on the REST port.
prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }
"""

MARK = "<!-- Written by an export; the next one writes it again. -->"
BEFORE = "<!-- Written by scripts/export.py;"  # of version 0.1.0
STARTING = """\
## Start

`TF_ENABLE_ONEDNN_OPTS=1` enables oneDNN. On CPUs without AVX-512 VNNI, AVX-512 BF16, AVX-VNNI or AMX, TensorFlow
Serving otherwise runs Conv3D on Eigen, which is slower; the results differ by rounding only.

With docker, reachable from this machine alone:

```bash
docker run --rm -p 127.0.0.1:8500:8500 -p 127.0.0.1:8501:8501 -e TF_ENABLE_ONEDNN_OPTS=1 \\
    -v "$(pwd)":/models/{name}:ro tensorflow/serving \\
    --model_config_file=/models/{name}/models.config \\
    --monitoring_config_file=/models/{name}/monitoring.config
```

Installed with apt (`tensorflow-model-server`), it listens on every interface and has no option to change that. Use a
socket that only this machine can reach (`--server=unix:/tmp/{name}.sock`), or a firewall:

```bash
TF_ENABLE_ONEDNN_OPTS=1 tensorflow_model_server --port=0 --grpc_socket_path=/tmp/{name}.sock \\
    --model_name={name} --model_base_path="$(pwd)"
TF_ENABLE_ONEDNN_OPTS=1 tensorflow_model_server --port=8500 --rest_api_port=8501 \\
    --model_name={name} --model_base_path="$(pwd)"
```

In a systemd unit, add `Environment=TF_ENABLE_ONEDNN_OPTS=1` to `[Service]`. On Kubernetes, add this to the container:

```yaml
env:
- name: TF_ENABLE_ONEDNN_OPTS
  value: "1"
```
"""

ENCRYPTED = """\
## TLS

gRPC takes a key and a certificate in one file; REST has no TLS and belongs behind a proxy. The key stays out of this
folder, which is mounted and copied: `key.pem` and `ssl.config`, which holds it too, are for you alone (mode 600);
callers get `cert.pem`:

```bash
tls="$HOME/{name}-tls"
(umask 077 && mkdir -p "$tls" && openssl req -x509 -newkey rsa:2048 -nodes -days 365 \\
    -keyout "$tls/key.pem" -out "$tls/cert.pem" -subj /CN=localhost -addext subjectAltName=DNS:localhost &&
printf 'server_key: "%s"\\nserver_cert: "%s"\\n' "$(awk '{{printf "%s\\\\n", $0}}' "$tls/key.pem")" \\
    "$(awk '{{printf "%s\\\\n", $0}}' "$tls/cert.pem")" > "$tls/ssl.config")
chmod 700 "$tls" && chmod 600 "$tls/key.pem" "$tls/ssl.config"
docker run --rm -p 127.0.0.1:8500:8500 -e TF_ENABLE_ONEDNN_OPTS=1 \\
    -v "$(pwd)":/models/{name}:ro -v "$tls/ssl.config":/ssl.config:ro \\
    tensorflow/serving --model_config_file=/models/{name}/models.config --ssl_config_file=/ssl.config
```
"""

README = (
    MARK
    + """
# {name}

{network}, {classes} classes, for TensorFlow Serving. `1`, `2` ... are its versions; the newest one is served.

"""
    + STARTING
    + """
`--enable_batching --batching_parameters_file=.../batching.config` computes requests of equal shape together; one bad
request then fails all that it was batched with.

"""
    + ENCRYPTED
    + """
## Ask

```bash
python scripts/query_server.py --server=localhost:8500 --model={name} --video=VIDEO
python scripts/query_server.py --server=http://localhost:8501 --model={name} --video=VIDEO
python scripts/query_server.py --server=localhost:8500 --tls_ca="$HOME/{name}-tls/cert.pem" --model={name} --video=VIDEO
```

## Signatures

| name | takes | returns |
|---|---|---|
| `serving_default` | {jpegs} | `classes` and `scores` `[B, {classes}]`, best first; `logits` `[B, {classes}]` |
| `frames` | {frames} | the same |
| `features` | {jpegs} | the mean of `{endpoint}` over time and space |
| `frames_features` | {frames} | the same |
| `info` | `query`, any string `[N]` | `info` `[N]`: sizes, range, labels and limits as JSON |

Logits are in the order of `1/assets.extra/labels.txt`. A call takes {max_clips} clips of {max_frames} frames of up
to {max_pixels} pixels each; what cannot be taken is an InvalidArgument that says why.
"""
)


def check_folder(directory: Path) -> None:
    """Whether a folder can be a model's.

    Raises:
        ValueError: its name is none that configuration files and shells take as it is, or it holds another README.md.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", directory.name):
        raise ValueError(
            f"The folder's name is the model's, of letters, digits, dots, - and _. Received: {directory.name!r}"
        )
    readme = directory / "README.md"
    if readme.exists() and not readme.read_text(errors="replace").startswith((MARK, BEFORE)):
        raise ValueError(
            f"The folder holds another README.md; give the model a folder of its own. Received: {directory}"
        )


def write_beside(directory: Path, classifier: Classifier) -> None:
    """Writes README.md, models.config, batching.config and monitoring.config into the folder of the versions."""
    name, batch = directory.name, classifier.limits.max_clips
    texts = {
        "README.md": README.format(
            name=name,
            network=classifier.network,
            classes=len(classifier.labels),
            endpoint=classifier.endpoint,
            **dataclasses.asdict(classifier.limits),
            **inputs_in_words(classifier),
        ),
        "models.config": MODELS.format(name=name),
        "batching.config": BATCHING.format(batch=batch, sizes=list(range(1, batch + 1))),
        "monitoring.config": MONITORING,
    }
    for file, text in texts.items():
        write_text(directory / file, text)


def inputs_in_words(classifier: Classifier) -> dict[str, str]:
    """What the signatures take, for the table of README.md."""
    jpegs = {"rgb": "`jpegs`, JPEG strings `[B, T]`", "flow": "`flow_jpegs`, flow as JPEGs `[B, T]` (u, v, 128)"}
    frames = {"rgb": "`frames`, uint8 RGB `[B, T, H, W, 3]`", "flow": "`flow`, uint8 `[B, T, H, W, 2]`"}
    return dict(
        jpegs=" and ".join(jpegs[stream] for stream in classifier.streams),
        frames=" and ".join(frames[stream] for stream in classifier.streams),
    )


def write_warmup(version: Path, classifier: Classifier) -> None:
    """Writes the requests that TF Serving sends to itself before it lets others in: the first call is a slow one.

    They need tensorflow-serving-api; without it a warning says that there are none.
    """
    try:
        requests = list(warmup_requests(classifier))
    except ModuleNotFoundError:
        logging.warning("no warm-up requests are written: they need pip install -e '.[serving]'")
        return
    with tf.io.TFRecordWriter(str(version / WARMUP)) as writer:
        for request in requests:
            writer.write(request)


def warmup_requests(classifier: Classifier) -> Iterator[bytes]:
    """One clip of grey frames for each signature that takes JPEGs, as serialised `PredictionLog`s."""
    from tensorflow_serving.apis import prediction_log_pb2

    for signature in ("serving_default", "features"):
        log = prediction_log_pb2.PredictionLog()
        request = log.predict_log.request
        request.model_spec.signature_name = signature
        for stream, p in classifier.streams.items():
            rows, columns = p.resize if isinstance(p.resize, tuple) else (p.resize, p.resize)
            jpeg = cv2.imencode(".jpg", np.full((rows, columns, 3), 128, np.uint8))[1].tobytes()
            clip = tf.make_tensor_proto([[jpeg] * min(WARMUP_FRAMES, classifier.limits.max_frames)])
            request.inputs[JPEGS[stream]].CopyFrom(clip)
        yield log.SerializeToString()

"""Which devices a run uses: those of this machine, or of all machines that TF_CONFIG names."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping

import tensorflow as tf

PEER_TIMEOUT = 600.0
"""Seconds to wait for the other workers."""


def make_strategy(num_replicas: int | None = None, peer_timeout: float = PEER_TIMEOUT) -> tf.distribute.Strategy:
    """A `MirroredStrategy` over the GPUs of this machine, or over its logical CPUs when it has none; under a TF_CONFIG
    of several workers a `MultiWorkerMirroredStrategy` over theirs. Under one with parameter servers the chief gets a
    `ParameterServerStrategy`, and the others serve it and never come back (`asynchronous.py`).

    Args:
        num_replicas: how many of this machine's; all by default. More CPUs than there are become logical CPUs, which
            must be asked for before TensorFlow has used the CPU.
        peer_timeout: seconds to wait for the other workers.

    Raises:
        ValueError: more replicas than devices, or a TF_CONFIG that makes no sense.
        OSError: another worker cannot be reached.
    """
    if has_parameter_servers(os.environ):
        return join_parameter_servers(num_replicas)
    cluster, index = read_cluster(os.environ)
    if len(cluster) > 1:
        if num_replicas is not None:
            raise ValueError(f"With TF_CONFIG every worker uses all its devices. Received: num_replicas={num_replicas}")
        options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=peer_timeout)
        meet(cluster, index, peer_timeout)
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU" and num_replicas is not None and num_replicas > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        if len(tf.config.get_logical_device_configuration(cpu) or ()) != num_replicas:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * num_replicas)
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if num_replicas is not None and not 1 <= num_replicas <= len(devices):
        raise ValueError(f"num_replicas must be in [1, {len(devices)}] on this machine. Received: {num_replicas}")
    return tf.distribute.MirroredStrategy(devices[: num_replicas or len(devices)])


def count() -> int:
    """How many devices of this machine `make_strategy` takes by default: its GPUs, or one CPU."""
    return len(tf.config.list_physical_devices("GPU")) or 1


def check_precision(precision: str, num_frames: int) -> None:
    """Whether this machine's kernels compute what a network of that precision asks for.

    On the CPU oneDNN's bfloat16 gradient of a kernel of three taps is memory that nobody wrote where the conv sees
    exactly two frames, as Mixed_4* or Mixed_5* do of clips of up to 16 (TensorFlow 2.21, processors with AVX512_BF16).

    Raises:
        ValueError: they do not.
    """
    if precision == "mixed_bfloat16" and num_frames <= 16 and not tf.config.list_physical_devices("GPU"):
        raise ValueError(
            "On the CPU mixed_bfloat16 needs clips of more than 16 frames: TensorFlow's gradient of a conv over two "
            f"frames is wrong there. Received: num_frames={num_frames}"
        )


def read_cluster(environment: Mapping[str, str]) -> tuple[list[str], int]:
    """The workers' addresses and which of them this process is; none where TF_CONFIG is not set.

    Raises:
        ValueError: a TF_CONFIG that makes no sense.
    """
    text = environment.get("TF_CONFIG", "").strip()
    if not text:
        return [], 0
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        index = task["index"]
        good = task["type"] == "worker" and set(config["cluster"]) == {"worker"} and 0 <= int(index) < len(workers)
        good = good and all(isinstance(address, str) and _split(address) for address in workers)
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise ValueError(
            'TF_CONFIG must be {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}. '
            f"Received: {text[:300]}"
        )
    return workers, int(index)


def has_parameter_servers(environment: Mapping[str, str]) -> bool:
    """Whether TF_CONFIG names parameter servers."""
    try:
        return bool(json.loads(environment.get("TF_CONFIG", "") or "{}")["cluster"]["ps"])
    except (ValueError, KeyError, TypeError):
        return False


def join_parameter_servers(num_replicas: int | None) -> tf.distribute.Strategy:
    """The chief's strategy; a worker or a parameter server does what the chief asks until it is ended."""
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    cluster = resolver.cluster_spec().as_dict()
    if set(cluster) != {"chief", "ps", "worker"} or len(cluster["chief"]) != 1 or resolver.task_type not in cluster:
        raise ValueError(
            "With parameter servers TF_CONFIG needs one chief, ps and workers, and a task that is one of them. "
            f"Received: {cluster}, task {resolver.task_type}"
        )
    if num_replicas is not None:
        raise ValueError(f"With TF_CONFIG every worker uses all its devices. Received: num_replicas={num_replicas}")
    if resolver.task_type != "chief":
        where = dict(job_name=resolver.task_type, task_index=resolver.task_id, protocol="grpc")
        print(f"{resolver.task_type} {resolver.task_id} serves the chief until it is ended", flush=True)
        tf.distribute.Server(resolver.cluster_spec(), **where).join()
    return tf.distribute.ParameterServerStrategy(resolver)


def is_asynchronous(strategy: tf.distribute.Strategy) -> bool:
    """Whether every worker takes steps of its own."""
    return isinstance(strategy, tf.distribute.ParameterServerStrategy)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the files of the run."""
    resolver = strategy.cluster_resolver
    return resolver is None or not resolver.task_type or resolver.task_id == 0


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """Processes that train together; of an asynchronous run it is the chief alone that runs our code."""
    resolver = None if is_asynchronous(strategy) else strategy.cluster_resolver
    return len(resolver.cluster_spec().as_dict().get("worker", [0])) if resolver else 1


def meet(cluster: list[str], index: int, timeout: float) -> None:
    """Waits until every worker answers at its address: TensorFlow would wait for them without an end.

    A worker that waits listens at its own address, one that has met the others has TensorFlow's server there.

    Raises:
        OSError: some do not answer in time, with their addresses.
    """
    deadline = time.monotonic() + timeout
    with _listening(cluster[index]):
        silent = [address for number, address in enumerate(cluster) if number != index]
        print(f"worker {index} of {len(cluster)} waits for the others, at most {timeout:g} s", flush=True)
        while silent := [address for address in silent if not _answers(address)]:
            if time.monotonic() > deadline:
                raise OSError(
                    f"Cannot reach {len(silent)} of {len(cluster)} workers within {timeout:g} s (--peer_timeout); "
                    f"start the same command on every host of TF_CONFIG. Received: {', '.join(silent)}"
                )
            time.sleep(0.1)


@contextlib.contextmanager
def _listening(address: str) -> Iterator[None]:
    host, port = _split(address)
    try:
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            listener = socket.create_server((host, port), family=family, backlog=1024)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise
            listener = socket.create_server(("", port), backlog=1024)  # a service's name or a mapped address
    except OSError as error:
        raise OSError(f"This worker cannot listen at its address of TF_CONFIG: {error}. Received: {address}") from None
    with listener:
        yield


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(_split(address), timeout=2):
        return True
    return False


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"An address is host:port. Received: {address!r}")
    return host.strip("[]"), int(port)

"""Shards written by Apache Beam, on one machine or on a cluster that shares the folder (`pip install -e '.[beam]'`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .settings import Settings
from .shards import OnVideo, Shard, read_written, write_shard


def in_beam(
    shards: list[Shard], output_dir: Path, settings: Settings, on_video: OnVideo, options: Sequence[str] = ()
) -> None:
    """A runner, see runners.py, whose shards are elements of a Beam pipeline.

    Args:
        on_video: called when all is done: the workers may be anywhere.
        options: Beam's own flags, such as `--runner=DirectRunner`.

    Raises:
        ValueError: Beam is not installed, or it refuses the options.
        OSError: the pipeline failed.
    """
    try:
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ValueError(f"The Beam runner needs Apache Beam; pip install -e '.[beam]'. Received: {error}") from None
    try:
        parsed = PipelineOptions(list(options))
        parsed.get_all_options()
    except SystemExit:  # its parser ends the process
        raise ValueError(f"Apache Beam does not take these options. Received: {' '.join(options)!r}") from None
    pipeline = apache_beam.Pipeline(options=parsed)
    elements = pipeline | apache_beam.Create(shards) | apache_beam.Reshuffle()
    _ = elements | apache_beam.Map(write_shard, output_dir.resolve(), settings)
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:  # Beam wraps whatever a worker raises
        raise OSError(f"The Beam pipeline failed: {str(error).strip().splitlines()[-1]}") from error
    for shard in shards:
        written = read_written(shard, output_dir)
        if written is None:
            raise OSError(f"The Beam pipeline ended without {shard.name}; its workers must share {output_dir}.")
        for index, outcome in enumerate(written.videos):
            on_video(index, outcome)

"""A part's folder is named after everything that decides its numbers, and after nothing else."""

import dataclasses

from experiments.part import BACKWARDS, FORWARDS, Part
from s3d_tf.files import write_json
from s3d_tf.training.recipes import recipe


def test_the_key_follows_what_decides_the_numbers(motion_records):
    part = Part(recipe("embedded"), motion_records)
    same = dataclasses.replace(part, num_replicas=4, eval_batch=7)
    others = [
        dataclasses.replace(part, recipe=recipe("embedded", **changes))
        for changes in (dict(seed=1), dict(steps=400), dict(network="i3d"), dict(network_changes=("gate_pool=space",)))
    ]
    others.append(dataclasses.replace(part, begins_from=others[0]))
    assert same.key == part.key and part.key.startswith(f"s3d_g-{motion_records.name}".split("0")[0])
    assert len({part.key, *(other.key for other in others)}) == 6


def test_what_is_left_to_do(motion_records, tmp_path):
    part = Part(recipe("embedded"), motion_records)
    folder = part.folder(tmp_path)
    folder.mkdir()
    assert not part.is_trained(tmp_path)
    write_json(folder / "result.json", dict(step=500))
    assert part.is_trained(tmp_path) and not part.is_done(tmp_path, (FORWARDS,))
    write_json(folder / "evaluation_val.json", {})
    assert part.is_done(tmp_path, (FORWARDS,)) and part.missing(tmp_path, (FORWARDS, BACKWARDS)) == [BACKWARDS]

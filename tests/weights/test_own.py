import dataclasses
import json
import os
import shutil

import h5py
import keras
import numpy as np
import pytest
from sources import video

from s3d_tf.networks import build_model
from s3d_tf.weights import Preprocessing, load, load_pretrained, save


@pytest.fixture
def saved(tmp_path):
    model = build_model("s3d_g", 4, width=0.25, gate_pool="space", stem_frames=5, dropout=0.5)
    for w in model.weights:
        if w.path.endswith("moving_variance"):
            w.assign(0.5 * np.ones(w.shape))
    save(model, tmp_path / "a" / "model", preprocessing=Preprocessing(fps=12, labels=("a", "b", "c", "d")))
    return model, tmp_path / "a" / "model"


def test_there_and_back(saved):
    model, folder = saved
    x = video((2, 8, 32, 32, 3))
    for path, reader in ((folder, load), (folder / "model.json", load_pretrained)):
        again = reader(path)
        np.testing.assert_array_equal(again(x), model(x))
        assert again.s3d_config["name"] == model.s3d_config["name"]
        assert again.preprocessing.labels == ("a", "b", "c", "d") and again.preprocessing.fps == 12
    assert sorted(p.name for p in folder.parent.iterdir()) == ["model"]
    assert sorted(p.name for p in folder.iterdir()) == ["model.json", "model.weights.h5"]


def test_the_file_has_every_variable_under_a_name_that_each_keras_gives_it(saved):
    model, folder = saved
    names = []
    with h5py.File(folder / "model.weights.h5") as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    assert len(names) == len(model.weights)
    assert not [name for name in names if "branches" in name]  # a list of lists, which Keras 3.12 passes over
    assert "layers/spatio_temporal_conv/all_layers/conv_unit/all_layers/conv3d/vars/0" in names


def test_a_compiled_model_is_saved_without_what_it_is_trained_by(tmp_path):
    model = build_model("i2d", 3, width=0.125)
    model.compile("adam", "mse", metrics=["mse"])
    model.optimizer.build(model.trainable_variables)
    save(model, tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").weights[0], model.weights[0])


def test_what_is_there_is_not_overwritten_unless_asked(saved):
    model, folder = saved
    with pytest.raises(ValueError, match="something at this place"):
        save(model, folder)
    other = build_model("i2d", 3, width=0.25)
    save(other, folder, overwrite=True)
    assert load(folder).name == "i2d" and sorted(p.name for p in folder.parent.iterdir()) == ["model"]
    (folder / "model.json").unlink()
    with pytest.raises(ValueError, match="something at this place"):
        save(model, folder, overwrite=True)  # no longer ours


def test_a_failed_save_leaves_nothing(saved, monkeypatch):
    model, folder = saved

    def full(self, *args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", full)
    with pytest.raises(OSError, match="no space"):
        save(model, folder.parent / "b")
    assert sorted(p.name for p in folder.parent.iterdir()) == ["model"]


def test_wrong_labels_channels_and_models(saved, tmp_path):
    model, _ = saved
    with pytest.raises(ValueError, match=r"4 classes need as many labels. Received: 2$"):
        save(model, tmp_path / "b", preprocessing=Preprocessing(labels=("a", "b")))
    with pytest.raises(ValueError, match=r"flow has 2 channels. Received: 3$"):
        save(model, tmp_path / "b", preprocessing=Preprocessing(modality="flow"))
    with pytest.raises(ValueError, match="build_model"):
        save(keras.Sequential([keras.layers.Dense(1)]), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_flow_networks_default_to_flow(tmp_path):
    model = build_model("i2d", 3, width=0.25, input_shape=(None, None, None, 2))
    save(model, tmp_path / "flow")
    assert load(tmp_path / "flow").preprocessing == Preprocessing(modality="flow")


@pytest.mark.parametrize(
    "change",
    [
        dict(format="new"),
        dict(preprocessing=dict(colour=1)),
        dict(preprocessing=None),
        dict(model=None),
        dict(model=dict(name="s3d", num_classes=4)),
        dict(model=dict(name="s3d", num_classes="many")),
    ],
)
def test_a_damaged_json_is_one_sentence(saved, change):
    _, folder = saved
    record = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**record, **change}))
    with pytest.raises(ValueError, match="damaged") as error:
        load(folder)
    assert str(error.value).endswith(f"Received: {str(folder)!r}")


def test_another_format_is_told_as_such(saved):
    _, folder = saved
    record = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**record, "format": 1}))
    with pytest.raises(ValueError, match=rf"saved in format 1, .* reads format 2; .*Received: {str(folder)!r}$"):
        load(folder)


@pytest.mark.parametrize("name", ["model.json", "model.weights.h5"])
def test_truncated_files_are_one_sentence(saved, name):
    _, folder = saved
    whole = (folder / name).read_bytes()
    for size in (0, 100, len(whole) // 2):
        (folder / name).write_bytes(whole[:size])
        with pytest.raises(ValueError, match="damaged"):
            load(folder)


def test_load_needs_a_folder_of_ours(tmp_path):
    with pytest.raises(ValueError, match=r"no model\.json"):
        load(tmp_path)


def test_the_preprocessing_of_a_loaded_model_is_saved_again(saved, tmp_path):
    _, folder = saved
    model = load(folder)
    save(model, tmp_path / "again")
    assert load(tmp_path / "again").preprocessing == model.preprocessing
    object.__setattr__(model, "preprocessing", dataclasses.replace(model.preprocessing, fps=None))
    save(model, tmp_path / "once_more")
    assert load(tmp_path / "once_more").preprocessing.fps is None


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small model and the folder it was saved to, which stays as it is."""
    model, folder = build_model("i2d", 3, width=0.125), tmp_path_factory.mktemp("small") / "model"
    save(model, folder)
    return model, folder


@pytest.mark.parametrize(
    "change", [dict(num_classes=10**10), dict(width=900.0), dict(width=1e308), dict(input_shape=[8, 32, 32, 10**10])]
)
def test_sizes_that_the_file_does_not_hold_are_refused_before_building(small, change, tmp_path, monkeypatch):
    _, source = small
    folder = shutil.copytree(source, tmp_path / "model")
    record = json.loads((folder / "model.json").read_text())
    record["model"].update(change)
    (folder / "model.json").write_text(json.dumps(record))
    monkeypatch.setattr("s3d_tf.weights.own.build_model", lambda **_: pytest.fail("it was built"))
    with pytest.raises(ValueError, match="damaged") as error:
        load(folder)
    assert str(error.value).endswith(f"Received: {str(folder)!r}")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (lambda file: file.create_dataset("more", (10**12,), "f4", chunks=(10**6,)), "in a file of"),
        (lambda file: file.__setitem__("more", h5py.ExternalLink("other.h5", "/x")), "more is a link"),
    ],
    ids=["unwritten", "external"],
)
def test_variables_that_the_file_only_declares_are_refused(small, what, message, tmp_path):
    folder = shutil.copytree(small[1], tmp_path / "model")
    with h5py.File(folder / "model.weights.h5", "a") as file:
        what(file)
    with pytest.raises(ValueError, match=f"damaged.*{message}"):
        load(folder)


@pytest.mark.parametrize("change", [dict(gates=[]), dict(kinds=["separable"] * 10 + ["2d"])])
def test_variables_that_the_network_does_not_ask_for_are_no_silent_loss(saved, change):
    """Keras would pass over them."""
    _, folder = saved
    record = json.loads((folder / "model.json").read_text())
    record["model"]["name"].update(change)
    (folder / "model.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"damaged \(\d+ variables, of which the network it names has \d+\)"):
        load(folder)


def test_a_failed_overwrite_leaves_the_old_model(small, tmp_path, monkeypatch):
    model, source = small
    folder = shutil.copytree(source, tmp_path / "parent" / "model")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    rename, calls = os.rename, []

    def second_fails(old, new):
        calls.append(new)
        if len(calls) == 2:
            raise OSError("no space left on device")
        rename(old, new)

    monkeypatch.setattr(keras.Model, "save_weights", lambda self, path: path.write_bytes(b"new"))
    monkeypatch.setattr(os, "rename", second_fails)
    with pytest.raises(OSError, match="no space"):
        save(model, folder, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(p.name for p in folder.parent.iterdir()) == ["model"]

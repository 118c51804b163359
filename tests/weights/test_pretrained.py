"""Checkpoints in the sources' own formats through `load_pretrained`: the goldens' logits, and small ones of our own."""

import json

import numpy as np
import pytest
from sources import (
    HERE,
    SHARED,
    deepmind,
    golden,
    inception_v1,
    needs_shared,
    pytorch,
    slim,
    video,
    weights,
    write_safetensors,
    write_tensorflow,
)

import s3d_tf
from s3d_tf.networks import build_model, endpoints
from s3d_tf.weights import load_into, read_checkpoint
from s3d_tf.weights.assign import assign

OWN_GOLDEN = json.loads((HERE / "golden.json").read_text())  # first 8 logits; python tests/weights/make_golden.py

CASES = {  # name -> variable table, PyTorch's?, clip
    "slim_s3d_g": (slim(), False, (1, 16, 64, 64, 3)),
    "slim_s3d": (slim(first_gate=None), False, (1, 16, 64, 64, 3)),
    "slim_i3d": (slim(first_gate=None, separable=False, stem=7), False, (1, 16, 64, 64, 3)),
    "slim_i2d": (slim(first_3d=None, first_gate=None, stem=1), False, (1, 16, 64, 64, 3)),
    "slim_top_heavy_gated": (slim(first_3d="4b", first_gate="5b", stem=5), False, (1, 16, 64, 64, 3)),
    "deepmind_flow": (deepmind(7, 2, "Flow/inception_i3d/", width=0.25), False, (1, 16, 64, 64, 2)),
    "torchvision": (pytorch("torchvision", 7), True, (1, 16, 64, 64, 3)),
    "kylemin": (pytorch("kylemin", 7, prefix="module."), True, (1, 16, 64, 64, 3)),
    "milnce": (pytorch("milnce", 16), True, (1, 16, 64, 64, 3)),
    "milnce_full_stem": (pytorch("milnce", 16, space_to_depth=False), True, (1, 16, 64, 64, 3)),
}


def write(directory, arrays, is_pytorch):
    if is_pytorch:
        return write_safetensors(directory / "model.safetensors", arrays)
    return write_tensorflow(str(directory / "model.ckpt"), arrays)


def close(actual, expected, tolerance=1e-3):
    expected = np.asarray(expected)
    assert np.abs(np.asarray(actual) - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.slow
def test_own_goldens(case, tmp_path):
    table, is_pytorch, shape = CASES[case]
    arrays = weights(table, is_pytorch)
    model = s3d_tf.load_pretrained(write(tmp_path, arrays, is_pytorch))
    assert sorted(model.report.loaded.values()) == sorted(n for n in arrays if "num_batches" not in n)
    assert not model.report.fresh and not model.report.not_loaded
    close(np.asarray(model(video(shape)))[0, :8], OWN_GOLDEN[case])


@needs_shared
@pytest.mark.parametrize(
    ("file", "entry"),
    [("slim.json", "slim_s3dg_w0.25"), ("torch.json", "torchvision_s3d"), ("torch.json", "milnce_s3dg_s2d")],
)
def test_shared_goldens(file, entry, tmp_path):
    expected = golden(file, entry)
    is_pytorch = file == "torch.json"
    model = s3d_tf.load_pretrained(write(tmp_path, weights(expected["vars"], is_pytorch), is_pytorch))
    names = [n for n in expected["endpoints"] if n in {layer.name for layer in model.layers}]
    outputs = endpoints(model, [*names, "Logits", *(["Mixed_5c_mean"] if "milnce" in entry else [])])(
        video(expected["input_shape"])
    )
    close(outputs["Mixed_5c_mean" if "milnce" in entry else "Logits"], expected["logits"])
    if "milnce" in entry:
        shape, first = expected["endpoints"]["video_embedding"]
        assert list(outputs["Logits"].shape) == shape
        close(np.asarray(outputs["Logits"])[0, :8], first)
    for name in set(names) - {"Logits"}:
        shape, mean, deviation = expected["endpoints"][name]
        assert list(outputs[name].shape) == shape
        np.testing.assert_allclose([np.mean(outputs[name]), np.std(outputs[name])], [mean, deviation], rtol=1e-4)


@needs_shared
def test_the_image_network_of_the_goldens_on_a_still_video(tmp_path):
    expected = golden("slim.json", "slim_inception_v1_2d")
    model = s3d_tf.load_pretrained(write(tmp_path, weights(expected["vars"]), False), "i2d")
    still = np.repeat(video(expected["input_shape"])[:, None], 8, axis=1)
    names = [n for n in expected["endpoints"] if n in {layer.name for layer in model.layers}]
    outputs = endpoints(model, names)(still)
    close(outputs["Logits"], expected["logits"])
    for name in set(names) - {"Logits"}:
        _, mean, deviation, first = expected["endpoints"][name]
        frame = np.asarray(outputs[name])[0, 0]
        np.testing.assert_allclose([frame.mean(), frame.std()], [mean, deviation], rtol=1e-4)
        close(frame.reshape(-1)[:8], first)


@needs_shared
@pytest.mark.parametrize(
    ("name", "classes"), [("kinetics_i3d_rgb_imagenet", 400), ("kinetics_i3d_rgb_scratch_kin600", 600)]
)
def test_deepminds_variable_tables_map_completely(name, classes, tmp_path):
    tf = pytest.importorskip("tensorflow")
    (tmp_path / f"{name}.index").write_bytes((SHARED / f"{name}.index").read_bytes())
    (tmp_path / f"{name}.data-00000-of-00001").touch()
    table = dict(tf.train.list_variables(str(tmp_path / name)))
    (tmp_path / "whole").mkdir()
    path = write_tensorflow(str(tmp_path / "whole" / "model.ckpt"), weights(table))
    model = s3d_tf.load_pretrained(path)
    assert model.s3d_config["num_classes"] == classes and model.name == "i3d"
    assert len(model.report.loaded) == len(model.weights) == 230
    assert len(model.report.loaded) + sum(model.report.ignored.values()) == len(table)
    with pytest.raises(ValueError, match="damaged or truncated"):  # the data are not there
        s3d_tf.load_pretrained(str(tmp_path / name))


def test_slots_and_counters_are_passed_over_and_counted(tmp_path):
    arrays = weights(slim())
    kernel = arrays["InceptionV1/Conv2d_1a_7x7/weights"]
    more = {f"InceptionV1/Conv2d_1a_7x7/weights/{slot}": kernel for slot in ("Momentum", "RMSProp_1")}
    more["InceptionV1/Conv2d_1a_7x7/weights/ExponentialMovingAverage"] = kernel
    more["global_step"] = np.array(5, "int64")
    model = s3d_tf.load_pretrained(write_tensorflow(str(tmp_path / "model.ckpt"), {**arrays, **more}))
    assert len(model.report.loaded) == 305 and sum(model.report.ignored.values()) == 4


@pytest.mark.slow
def test_milnces_text_module_is_passed_over_and_counted(tmp_path):
    arrays = weights(pytorch("milnce", 8), pytorch=True)
    arrays["text_module.fc1.weight"] = np.zeros((4, 3), "float32")
    arrays["text_module.word_embd.weight"] = np.zeros((5, 3), "float32")
    model = s3d_tf.load_pretrained(write(tmp_path, arrays, True))
    assert [count for pattern, count in model.report.ignored.items() if "text_module" in pattern] == [2]
    assert model.preprocessing.pixel_range == (0, 1)


@pytest.mark.parametrize(
    ("table", "is_pytorch", "values"),
    [
        (slim(), False, dict(pixel_range=(-1, 1), fps=25, resize=(256, 256), modality="rgb")),
        (deepmind(5, 2, width=0.25), False, dict(modality="flow", resize=256)),
        (pytorch("torchvision", 5), True, dict(mean=(0.43216, 0.394666, 0.37645), fps=15)),
        (pytorch("kylemin", 5), True, dict(mean=None, pixel_range=(-1, 1))),
    ],
)
@pytest.mark.slow
def test_preprocessing_comes_with_the_weights(table, is_pytorch, values, tmp_path):
    preprocessing = read_checkpoint(write(tmp_path, weights(table, is_pytorch), is_pytorch)).preprocessing
    assert {name: getattr(preprocessing, name) for name in values} == values


def test_everything_missing_extra_and_misshaped_is_named(tmp_path):
    arrays = weights(slim())
    del arrays["InceptionV1/Mixed_4c/Branch_1/Conv2d_0b_3x3/BatchNorm/beta"]
    del arrays["InceptionV1/Conv2d_1a_7x7/BatchNorm/moving_mean"]
    arrays["InceptionV1/Mixed_7z/weights"] = np.zeros(3, "float32")
    arrays["InceptionV1/Mixed_5c/Branch_0/Conv2d_0a_1x1/weights"] = np.zeros((1, 1, 1, 9, 96), "float32")
    path = write(tmp_path, arrays, False)
    with pytest.raises(ValueError) as error:
        s3d_tf.load_pretrained(path)
    for part in (
        "2 missing: Conv2d_1a_7x7/spatial/norm/moving_mean, Mixed_4c/Branch_1/Conv2d_0b_3x3/spatial/norm/beta",
        "1 extra: InceptionV1/Mixed_7z/weights",
        "1 mis-shaped: Mixed_5c/Branch_0/Conv2d_0a_1x1/spatial/conv/kernel",
        "(1, 1, 1, 9, 96) for (1, 1, 1, 208, 96)",
    ):
        assert part in str(error.value)
    model = s3d_tf.load_pretrained(path, allow=["*/moving_mean", "*Mixed_4c*beta", "InceptionV1/Mixed_[57]*"])
    assert len(model.report.not_loaded) == 4 and "InceptionV1/Mixed_7z/weights" in model.report.not_loaded


@pytest.mark.parametrize("shape", [(3, 3), (5,), (), (3, 7, 7, 3, 0)])
def test_a_stem_of_a_shape_that_fits_no_network(shape, tmp_path):
    arrays = {**weights(slim()), "InceptionV1/Conv2d_1a_7x7/weights": np.zeros(shape, "float32")}
    with pytest.raises(ValueError, match="Conv2d_1a_7x7/spatial/conv/kernel"):
        s3d_tf.load_pretrained(write(tmp_path, arrays, False))


def test_a_failed_load_leaves_the_model_as_it_was(tmp_path):
    arrays = weights(slim())
    bias = arrays.pop("InceptionV1/Logits/Conv2d_0c_1x1/biases")
    model = build_model("s3d_g", 10, width=0.25, convention="tf_slim")
    before = [np.array(w) for w in model.weights]
    with pytest.raises(ValueError, match="1 missing: Conv2d_0c_1x1/bias"):
        load_into(model, write(tmp_path, arrays, False))
    values = {variable.path: np.array(variable) + 1 for variable in model.weights}
    for odd in (bias.astype("U8"), bias.astype("c8")):
        with pytest.raises(ValueError, match=f"1 mis-shaped: Conv2d_0c_1x1/bias: {odd.dtype}, which is no number"):
            assign(model, values | {"Conv2d_0c_1x1/bias": odd})
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_all_names_reach_the_user_of_a_binary(tmp_path, run_script):
    """37 gates are missing: the sentence with their names has more than a thousand letters."""
    arrays = {name: value for name, value in weights(slim()).items() if "self_gating" not in name}
    path = write(tmp_path, arrays, False)
    done = run_script("convert_weights.py", f"--checkpoint={path}", "--network=s3d_g", f"--output={tmp_path}/x")
    assert done.returncode == 1 and done.stderr.count("/gate/kernel") == 37
    assert done.stderr.rstrip().endswith("Received: allow=[]")


@pytest.mark.slow
def test_another_number_of_classes_is_asked_for_by_name(tmp_path):
    path = write(tmp_path, weights(inception_v1(1001, 0.25)), False)
    with pytest.raises(ValueError, match="2 mis-shaped"):
        s3d_tf.load_pretrained(path, "s3d_g", num_classes=5)
    model = s3d_tf.load_pretrained(path, "s3d_g", num_classes=5, allow=["Conv2d_0c_1x1/*"])
    assert model.report.not_loaded == ("Conv2d_0c_1x1/kernel", "Conv2d_0c_1x1/bias")
    assert model(video((1, 8, 32, 32, 3))).shape == (1, 5)


@pytest.mark.slow
def test_gates_that_the_source_lacks_are_asked_for_by_name(tmp_path):
    path = write(tmp_path, weights(slim(first_gate=None)), False)
    with pytest.raises(ValueError, match=r"37 missing: Conv2d_2c_3x3/gate/kernel"):
        s3d_tf.load_pretrained(path, "s3d_g")
    model = s3d_tf.load_pretrained(path, "s3d_g", allow=["*/gate/*"])
    assert len(model.report.not_loaded) == 37


def test_a_pytorch_file_as_published(tmp_path):
    torch = pytest.importorskip("torch")
    arrays = weights(pytorch("kylemin", 7, prefix="module."), pytorch=True)
    path = tmp_path / "S3D_kinetics400.pt"
    torch.save({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}, path)
    model = s3d_tf.load_pretrained(path)
    assert model.report.source == "kylemin" and len(model.report.loaded) == 387


def test_logits_equal_torchvisions_own(tmp_path):
    torch = pytest.importorskip("torch")
    models = pytest.importorskip("torchvision.models.video", reason="torchvision is not installed")
    torch.manual_seed(0)
    theirs = models.s3d(num_classes=9).eval()
    for module in theirs.modules():  # as after training
        if isinstance(module, torch.nn.BatchNorm3d):
            torch.nn.init.uniform_(module.running_var, 0.1, 0.3)
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
    torch.save(theirs.state_dict(), tmp_path / "s3d.pth")
    model = s3d_tf.load_pretrained(tmp_path / "s3d.pth")
    for shape in [(1, 16, 224, 224, 3), (1, 21, 224, 224, 3)]:
        x = video(shape)
        with torch.no_grad():
            expected = theirs(torch.from_numpy(x.transpose(0, 4, 1, 2, 3).copy())).numpy()
        close(model.predict(x, verbose=0), expected, 1e-4)


@pytest.mark.parametrize("case", ["milnce", "slim_s3d_g"])
@pytest.mark.slow
def test_a_missing_temporal_conv_is_named_and_not_made_up(case, tmp_path):
    table, is_pytorch, _ = CASES[case]
    arrays = weights(table, is_pytorch)
    checkpoint = read_checkpoint(write(tmp_path, arrays, is_pytorch))
    ours = "Mixed_4c/Branch_1/Conv2d_0b_3x3/temporal/conv/kernel"
    lost = checkpoint.theirs[ours]
    (tmp_path / "less").mkdir()
    path = write(tmp_path / "less", {name: array for name, array in arrays.items() if name != lost}, is_pytorch)
    with pytest.raises(ValueError, match=f"(?s)missing.*{ours}"):
        s3d_tf.load_pretrained(path)

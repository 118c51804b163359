import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from sources import slim, weights, write_safetensors, write_tensorflow

from s3d_tf.weights.files import open_tensors

ARRAYS = dict(a=np.arange(6, dtype="float32").reshape(2, 3), b=np.array(3, "int64"), c=np.ones(2, "float16"))


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('the pickle ran')",))


def equal(tensors, arrays):
    assert tensors.shapes == {name: array.shape for name, array in arrays.items()}
    for name, array in arrays.items():
        np.testing.assert_array_equal(tensors[name], array)


def test_npz(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    equal(open_tensors(tmp_path / "a.npz"), ARRAYS)


def test_safetensors(tmp_path):
    equal(open_tensors(write_safetensors(tmp_path / "a.safetensors", ARRAYS)), ARRAYS)


def test_safetensors_bfloat16(tmp_path):
    header = b'{"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}'
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + np.array([0x3F80, 0xC000], "<u2").tobytes())
    np.testing.assert_array_equal(open_tensors(path)["x"], [1.0, -2.0])


@pytest.mark.parametrize("suffix", ["", ".index"])
def test_tensorflow(tmp_path, suffix):
    arrays = {"x/a": ARRAYS["a"], "global_step": ARRAYS["b"]}
    equal(open_tensors(write_tensorflow(str(tmp_path / "model.ckpt"), arrays) + suffix), arrays)


def test_tensorflow_first_format(tmp_path):
    import tensorflow as tf

    path = str(tmp_path / "inception_v1.ckpt")
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        session.run(tf.raw_ops.Save(filename=path, tensor_names=["x/a"], data=[ARRAYS["a"]]))
    equal(open_tensors(path), {"x/a": ARRAYS["a"]})


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_pytorch(tmp_path, wrapper):
    torch = pytest.importorskip("torch")
    arrays = {"module.a": ARRAYS["a"], "module.n": ARRAYS["b"]}
    state = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    torch.save({wrapper: state, "epoch": 3} if wrapper else state, tmp_path / "a.pth")
    equal(open_tensors(tmp_path / "a.pth"), arrays)


def test_pytorch_pickles_that_run_code_are_refused(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(dict(a=Bomb()), tmp_path / "new.pth")
    torch.save(dict(a=Bomb()), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Bomb()))
    for name in ("new.pth", "old.pt", "bare.pt"):
        with pytest.raises(ValueError, match=r"could run code|damaged"):
            open_tensors(tmp_path / name)


def test_pytorch_truncated(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(dict(a=torch.ones(1000)), tmp_path / "a.pth")
    whole = (tmp_path / "a.pth").read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 10):
        (tmp_path / "a.pth").write_bytes(whole[:size])
        with pytest.raises(ValueError, match="damaged"):
            open_tensors(tmp_path / "a.pth")


def test_a_pickled_object_in_an_npz_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="damaged"):
        open_tensors(tmp_path / "a.npz")


def test_an_npz_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("s3d_tf.weights.files.MAX_BYTES", 1000)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10000))
    with pytest.raises(ValueError, match="none of these networks"):
        open_tensors(tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_truncated_file_is_one_sentence(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    np.savez(path, **ARRAYS) if suffix == "npz" else write_safetensors(path, ARRAYS)
    whole = path.read_bytes()
    for size in (0, 5, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="damaged or truncated") as error:
            open_tensors(path)
        assert str(error.value).endswith(repr(str(path)))


def test_a_truncated_tensorflow_checkpoint_is_one_sentence(tmp_path):
    prefix = write_tensorflow(str(tmp_path / "model.ckpt"), weights(slim()))
    data = tmp_path / "model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    tensors = open_tensors(prefix)
    with pytest.raises(ValueError, match="damaged or truncated"):
        [tensors[name] for name in tensors]
    index = tmp_path / "model.ckpt.index"
    index.write_bytes(index.read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged or truncated"):
        open_tensors(prefix)


@pytest.mark.parametrize("name", ["x.npz", "x.pth", "x.safetensors", "x.ckpt", "folder"])
def test_nothing_there(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=r"no such checkpoint|no checkpoint"):
        open_tensors(tmp_path / name)


def test_other_members_in_an_npz(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match=r"\.npy members only"):
        open_tensors(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("member", "message"),
    [("1/saved_model.pb", "an exported model"), ("checkpoints/x", "a training run"), ("x", "no checkpoint")],
)
def test_a_folder_of_another_kind_is_named_as_what_it_is(member, message, tmp_path):
    (tmp_path / member).parent.mkdir(exist_ok=True)
    (tmp_path / member).touch()
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        open_tensors(str(tmp_path))


def npy(shape, dtype="<f4"):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, dict(descr=dtype, fortran_order=False, shape=shape))
    return header.getvalue() + bytes(8)


def safetensors(header: str) -> bytes:
    return len(header).to_bytes(8, "little") + header.encode() + bytes(8)


def entry(**changes):
    return safetensors(json.dumps({"x": {**dict(dtype="F32", shape=[2], data_offsets=[0, 8]), **changes}}))


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("npz", npy((10**13,))),
        ("npz", npy((10**13, 0))),
        ("npz", npy((-1, -2))),
        ("npz", npy((2,), [("a", "<f4")])),
        ("safetensors", safetensors("[" * 10**5)),
        ("safetensors", safetensors('{"x": 3}')),
        ("safetensors", entry(shape=[2.0])),
        ("safetensors", entry(shape=[-1, -2])),
        ("safetensors", entry(shape=[True, 2])),
        ("safetensors", entry(data_offsets=[0.0, 8])),
        ("safetensors", entry(data_offsets=[0])),
        ("safetensors", entry(dtype=["F32"])),
        (
            "safetensors",
            safetensors(json.dumps({n: dict(dtype="U8", shape=[8], data_offsets=[0, 8]) for n in range(99)})),
        ),
    ],
    ids=range(13),
)
def test_a_header_that_declares_what_the_file_does_not_hold_is_one_sentence(suffix, content, tmp_path):
    path = tmp_path / f"a.{suffix}"
    if suffix == "npz":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", content)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged or truncated") as error:
        tensors = open_tensors(path)
        [tensors[name] for name in tensors]
    assert str(error.value).endswith(f"Received: {str(path)!r}")


def test_a_tensorflow_checkpoint_that_declares_gigabytes_is_refused(tmp_path, monkeypatch):
    path = write_tensorflow(str(tmp_path / "model.ckpt"), {"x/a": np.zeros(1000, "float32")})
    monkeypatch.setattr("s3d_tf.weights.files.MAX_BYTES", 3999)
    with pytest.raises(ValueError, match="4000 bytes is none of these networks"):
        open_tensors(path)


def test_a_pytorch_zip_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(100_000))
    monkeypatch.setattr("s3d_tf.weights.files.MAX_BYTES", 99_999)
    with pytest.raises(ValueError, match="100000 bytes is none of these networks"):
        open_tensors(tmp_path / "a.pth")


def test_a_pytorch_tensor_that_is_larger_than_its_storage_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(dict(a=torch.zeros(1).expand(10**10)), tmp_path / "a.pth")
    with pytest.raises(ValueError, match="more numbers than the file holds"):
        open_tensors(tmp_path / "a.pth")

"""Checkpoint files -> named arrays: TensorFlow checkpoints, `.npz`, `.safetensors`, `.pth` / `.pt`. Nothing is run."""

from __future__ import annotations

import contextlib
import json
import math
import pathlib
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping

import numpy as np

MAX_BYTES = 4 << 30  # the largest of these networks holds 0.1 GB
MAX_HEADER_BYTES = 64 << 20

SAFETENSORS_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U8": "u1", "BOOL": "?",
}  # fmt: skip


class Tensors(Mapping):
    """The arrays of a checkpoint by name, read when asked for; `shapes` are known without reading."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], read):
        self.shapes = {name: tuple(shape) for name, shape in shapes.items()}
        self._read = read

    def __getitem__(self, name: str) -> np.ndarray:
        return self._read(name)

    def __iter__(self):
        return iter(self.shapes)

    def __len__(self):
        return len(self.shapes)

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> Tensors:
        """Arrays that are in memory already."""
        return cls({name: np.shape(array) for name, array in arrays.items()}, arrays.__getitem__)


def open_tensors(path: str) -> Tensors:
    """Opens the checkpoint at `path`.

    Args:
        path: a `.npz`, `.safetensors`, `.pth` or `.pt` file, or a TensorFlow checkpoint: its prefix, its `.index`
            file, a single file of the first format, or a folder with a `checkpoint` file.

    Raises:
        ValueError: nothing there, a damaged or truncated file, one that holds code or is far too large.
    """
    file = pathlib.Path(path)
    reader = {".npz": _npz, ".safetensors": _safetensors, ".pth": _pytorch, ".pt": _pytorch}.get(file.suffix.lower())
    if reader is None:
        return _tensorflow(file)
    if not file.is_file():
        raise ValueError(f"There is no such checkpoint. Received: {str(path)!r}")
    return reader(file)


@contextlib.contextmanager
def _damage(
    file: pathlib.Path, errors: tuple[type[Exception], ...], what: str = "The checkpoint is damaged or truncated"
) -> Iterator[None]:
    """Turns what a reader raises about a damaged file into one sentence."""
    try:
        yield
    except errors as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{what} ({reason}). Received: {str(file)!r}") from error


def _check_size(count: int, file: pathlib.Path) -> None:
    if count > MAX_BYTES:
        raise ValueError(f"A checkpoint of {count} bytes is none of these networks. Received: {str(file)!r}")


def _npz(file: pathlib.Path) -> Tensors:
    # an unknown compression is a NotImplementedError, an encrypted member a RuntimeError, as is too deep a header
    errors = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, TypeError, ArithmeticError, MemoryError)
    with _damage(file, errors), zipfile.ZipFile(file) as archive:
        _check_size(sum(member.file_size for member in archive.infolist()), file)
        if any(not member.filename.endswith(".npy") for member in archive.infolist()):
            raise ValueError(f"An .npz file holds .npy members only. Received: {str(file)!r}")
    errors = (*errors, ValueError)  # for a pickled object, too
    with _damage(file, errors):
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                _check_npy(archive, member)
        with np.load(file, allow_pickle=False) as archive:
            return Tensors.of({name: archive[name] for name in archive.files})


def _check_npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Raises a ValueError unless the header of a `.npy` member declares no more than the member holds."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:  # of structured arrays
            raise ValueError(f"{member.filename} is of version {version}")
        shape, _, dtype = readers[version](stream)
        if dtype.kind not in "biuf":  # an object would be a pickle, which could run code
            raise ValueError(f"{member.filename} holds {dtype}, which is no number")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != member.file_size - stream.tell():
            raise ValueError(f"{member.filename} does not hold the shape {shape} that it declares")


def _safetensors(file: pathlib.Path) -> Tensors:
    size = file.stat().st_size
    _check_size(size, file)
    with _damage(file, (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)):
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
                raise ValueError(f"a header of {length} bytes in a file of {size}")
            header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        total = 0
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            dtype = np.dtype(SAFETENSORS_DTYPES[entry["dtype"]])
            if any(type(number) is not int or number < 0 for number in (begin, end, *entry["shape"])):
                raise ValueError(f"{name} has shape {entry['shape']} at {begin} to {end}")
            if not begin <= end <= size - 8 - length or end - begin != math.prod(entry["shape"]) * dtype.itemsize:
                raise ValueError(f"{name} does not fill its place in the file")
            total += end - begin
        if total > size - 8 - length:
            raise ValueError(f"variables of {total} bytes in a file of {size}, some of them shared")

    def read(name: str) -> np.ndarray:
        entry = header[name]
        begin, end = entry["data_offsets"]
        dtype = np.dtype(SAFETENSORS_DTYPES[entry["dtype"]])
        with file.open("rb") as stream:
            stream.seek(8 + length + begin)
            array = np.frombuffer(stream.read(end - begin), dtype).reshape(entry["shape"])
        if entry["dtype"] == "BF16":  # the upper half of a float32
            array = (array.astype("<u4") << 16).view("<f4")
        return array

    return Tensors({name: entry["shape"] for name, entry in header.items()}, read)


def _pytorch(file: pathlib.Path) -> Tensors:
    _check_size(file.stat().st_size, file)
    if zipfile.is_zipfile(file):  # a compressed one may unpack to far more than it takes on disk
        with _damage(file, (zipfile.BadZipFile, OSError, RuntimeError)), zipfile.ZipFile(file) as archive:
            _check_size(sum(member.file_size for member in archive.infolist()), file)
    try:
        import torch
    except ImportError as error:
        raise ValueError(
            "PyTorch is needed to read this file: pip install -e '.[torch]', or convert it to .safetensors or .npz. "
            f"Received: {str(file)!r}"
        ) from error
    import pickle

    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            "The file is damaged, or holds a pickle with more than tensors, which could run code and was not opened. "
            f"Received: {str(file)!r}"
        ) from error
    except (struct.error, RuntimeError, EOFError, OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"The checkpoint is damaged or truncated ({reason}). Received: {str(file)!r}") from error
    for wrapper in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping):
        raise ValueError(f"The file holds no state dict but a {type(state).__name__}. Received: {str(file)!r}")
    tensors = {str(name): value for name, value in state.items() if isinstance(value, torch.Tensor)}
    for name, tensor in tensors.items():
        if tensor.layout is not torch.strided or tensor.nbytes > tensor.untyped_storage().nbytes():
            raise ValueError(f"{name} declares more numbers than the file holds. Received: {str(file)!r}")
    return Tensors({name: t.shape for name, t in tensors.items()}, lambda name: _numpy(tensors[name]))


def _numpy(tensor) -> np.ndarray:
    tensor = tensor.detach()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _what_else(folder: pathlib.Path) -> str:
    """What a folder without a checkpoint is, of what users take for one."""
    if any(folder.glob("saved_model.pb")) or any(folder.glob("*/saved_model.pb")):
        return "This is an exported model, for predict.py and TensorFlow Serving; load the weights it was made of."
    if (folder / "checkpoints").is_dir():
        return "This is a training run; name it as --work_dir, or load it with training.checkpoints.load_model."
    return "The folder holds no checkpoint that is known."


def _tensorflow(file: pathlib.Path) -> Tensors:
    prefix = str(file)[: -len(".index")] if file.suffix == ".index" else str(file)
    if file.is_dir() and not (file / "checkpoint").is_file():
        raise ValueError(f"{_what_else(file)} Received: {str(file)!r}")
    if not file.is_dir() and not file.is_file() and not pathlib.Path(f"{prefix}.index").is_file():
        raise ValueError(f"There is no such checkpoint. Received: {str(file)!r}")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ValueError(f"TensorFlow is needed to read this checkpoint. Received: {str(file)!r}") from error

    errors = (tf.errors.OpError, RuntimeError, ValueError, LookupError)
    with _damage(file, errors, "The file is damaged or truncated, or no checkpoint"):
        reader = tf.train.load_checkpoint(prefix)
        shapes = reader.get_variable_to_shape_map()
        dtypes = reader.get_variable_to_dtype_map()
    _check_size(sum(math.prod(shape) * dtypes[name].size for name, shape in shapes.items()), file)

    def read(name: str) -> np.ndarray:
        with _damage(file, errors):
            return reader.get_tensor(name)

    return Tensors(shapes, read)

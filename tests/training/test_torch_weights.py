import pickle
from collections import OrderedDict

import numpy as np
import pytest
from edgecls_device.errors import SpecError

from edgecls.training.torch_weights import MAGIC, PROTOCOL, read_torch_weights


class Name:
    """Pickled as a global of a module that need not exist."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    def __init__(self, name, *arguments):
        self.name, self.arguments = name, arguments


class Storage:
    def __init__(self, key, count):
        self.id = ("storage", Name("torch", "FloatStorage"), key, "cpu", count, None)


class Writer(pickle._Pickler):  # the Python one: its save() can be overridden
    def save(self, item, save_persistent_id=True):
        if isinstance(item, Name):
            self.write(f"c{item.module}\n{item.name}\n".encode())
        elif isinstance(item, Storage):
            self.save(item.id)
            self.write(pickle.BINPERSID)
        elif isinstance(item, Call):
            self.save(item.name)
            self.save(item.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(item, save_persistent_id)


def checkpoint(path, state, numbers):
    with path.open("wb") as file:
        for item in (MAGIC, PROTOCOL, {"little_endian": True}, state, sorted(numbers)):
            Writer(file, 2).dump(item)
        for key in sorted(numbers):
            file.write(len(numbers[key]).to_bytes(8, "little") + numbers[key].tobytes())
    return path


def tensor(storage, offset, shape, strides):
    rebuild = Name("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, storage, offset, shape, strides, False, OrderedDict())


def test_tensors_are_read_with_their_offset_and_strides(tmp_path):
    state = OrderedDict(w=tensor(Storage("0", 7), 1, (2, 3), (1, 2)))
    path = checkpoint(tmp_path / "x.pth", state, {"0": np.arange(7, dtype="<f4")})
    assert read_torch_weights(path)["w"].tolist() == [[1, 3, 5], [2, 4, 6]]


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [(0, (8,), (1,)), (7, (1,), (1,)), (0, (2, 3), (100, 1)), (-1, (1,), (1,)), (0, (2,), (-1,))],
)
def test_a_tensor_outside_of_its_storage_is_refused(tmp_path, offset, shape, strides):
    state = OrderedDict(w=tensor(Storage("0", 7), offset, shape, strides))
    path = checkpoint(tmp_path / "x.pth", state, {"0": np.arange(7, dtype="<f4")})
    with pytest.raises(SpecError, match="Expected"):
        read_torch_weights(path)


@pytest.mark.parametrize(("module", "name"), [("os", "system"), ("builtins", "eval")])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, module, name):
    marker = tmp_path / "ran"
    state = OrderedDict(w=Call(Name(module, name), f"touch {marker}"))
    path = checkpoint(tmp_path / "x.pth", state, {})
    with pytest.raises(SpecError, match=f"only tensors in the checkpoint, got {module}.{name}"):
        read_torch_weights(path)
    assert not marker.exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 a newer checkpoint", b"\x80\x02K\x01."])
def test_another_format_is_refused(tmp_path, data):
    path = tmp_path / "x.pth"
    path.write_bytes(data)
    with pytest.raises(SpecError, match="Expected a legacy PyTorch checkpoint"):
        read_torch_weights(path)

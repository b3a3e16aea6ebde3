"""Files as ``torch.save`` writes them, made by hand: a zip archive with a pickle and a member for each storage."""

import io
import pickle
import zipfile

import numpy as np

STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "int64": "LongStorage"}


class _Named:
    """Pickled as the global of this module and name; nothing needs to be installed for it."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Rebuilt:
    """Pickled as a call of a global with arguments."""

    def __init__(self, call, arguments):
        self.call, self.arguments = call, arguments


class _Reference:
    def __init__(self, *parts):
        self.parts = parts


class _Pickler(pickle._Pickler):  # the one in Python: it lets globals be written that do not exist here
    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, _Named):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, _Rebuilt):
            self.save(obj.call)
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
        elif isinstance(obj, _Reference):
            self.save(obj.parts)
            self.write(pickle.BINPERSID)
        else:
            super().save(obj, save_persistent_id)


def pickled(content):
    """The bytes of a pickle that may hold ``named``, ``called`` and arrays' descriptions."""
    file = io.BytesIO()
    _Pickler(file, protocol=2).dump(content)
    return file.getvalue()


def called(module, name, *arguments):
    """A call of a global, as a malicious pickle has it."""
    return _Rebuilt(_Named(module, name), arguments)


def storage(kind, key, *more):
    """A reference to a storage, as a malicious pickle may have it."""
    return _Reference("storage", _Named("torch", kind), key, *more)


def reference(*parts):
    """A reference to anything outside of the pickle."""
    return _Reference(*parts)


def tensor(array, key, offset=0, shape=None, strides=None, length=None):
    """An array's description: a strided view of the storage ``key``, of the array's length or another."""
    shape = array.shape if shape is None else shape
    strides = tuple(n // array.itemsize for n in array.strides) if strides is None else strides
    items = storage(STORAGES[str(array.dtype)], key, "cpu", array.size if length is None else length)
    return called("torch._utils", "_rebuild_tensor_v2", items, offset, shape, strides, False, {})


def write(path, data, storages, name="archive", more=()):
    """Write the archive: the pickle's bytes, and arrays by their keys."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/data.pkl", data)
        for key, array in storages.items():
            archive.writestr(f"{name}/data/{key}", np.ascontiguousarray(array).tobytes())
        for member, content in more:
            archive.writestr(f"{name}/{member}", content)


def write_tensors(path, tensors, wrap=lambda described: described):
    """A whole file of contiguous arrays, each its own storage."""
    arrays = {name: np.array(array, order="C") for name, array in tensors.items()}
    described = {name: tensor(array, str(number)) for number, (name, array) in enumerate(arrays.items())}
    write(path, pickled(wrap(described)), {str(number): array for number, array in enumerate(arrays.values())})

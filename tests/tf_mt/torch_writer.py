"""Writes files as `torch.save` does, without PyTorch: arrays become tensors."""

import collections
import pickle
import zipfile

import numpy as np

STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}
LAYOUTS = ("zip", "stream")


class Named:
    """What a pickle names without its being here."""

    def __init__(self, module, name):
        self.text = f"{module}\n{name}\n".encode()

    def __call__(self):
        raise NotImplementedError


class Storage:
    """The numbers of one or several tensors."""

    def __init__(self, values):
        self.values = values


class Call:
    """What a pickle lets a function make."""

    def __init__(self, module, name, *arguments):
        self.function = Named(module, name)
        self.arguments = arguments


def tensor(storage, offset, shape, strides):
    hooks = collections.OrderedDict()
    arguments = (storage, offset, shape, strides, False, hooks)
    return Call("torch._utils", "_rebuild_tensor_v2", *arguments)


class Pickler(pickle._Pickler):
    """Pickles as PyTorch does, and gathers the storages."""

    dispatch = {**pickle._Pickler.dispatch}  # noqa: RUF012

    def __init__(self, file, view=()):
        super().__init__(file, protocol=2)
        self.storages = {}
        self.view = view

    def save_named(self, named):
        self.write(pickle.GLOBAL + named.text)

    def save_call(self, call):
        self.save_reduce(call.function, call.arguments, obj=call)

    def save_array(self, array):
        # Those of PyTorch, where an empty tensor has some too.
        strides = np.empty(np.maximum(array.shape, 1), "u1").strides
        self.save_call(tensor(Storage(array.ravel()), 0, array.shape, strides))

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        key = str(id(obj))
        # Kept, for an id is of what lives.
        self.storages[key] = obj
        kind = Named("torch", STORAGES[obj.values.dtype.name])
        return ("storage", kind, key, "cuda:0", obj.values.size, *self.view)

    dispatch[Named] = save_named
    dispatch[Call] = save_call
    dispatch[np.ndarray] = save_array


def save(path, content, layout):
    with path.open("wb") as file:
        if layout == "stream":
            return save_stream(file, content)
        with zipfile.ZipFile(file, "w") as archive:
            save_zip(archive, content)


def save_stream(file, content, view=None, little_endian=True):
    system = {"protocol_version": 1001, "little_endian": little_endian}
    for before in (0x1950A86A20F9469CFC6C, 1001, system):
        pickle.dump(before, file, protocol=2)
    pickler = Pickler(file, view=[view])
    pickler.dump(content)
    pickle.dump(sorted(pickler.storages), file, protocol=2)
    for _, storage in sorted(pickler.storages.items()):
        file.write(storage.values.size.to_bytes(8, "little"))
        file.write(storage.values.tobytes())


def save_zip(archive, content, byte_order="little"):
    with archive.open("lastmodel_0/data.pkl", "w") as file:
        pickler = Pickler(file)
        pickler.dump(content)
    archive.writestr("lastmodel_0/byteorder", byte_order)
    for key, storage in pickler.storages.items():
        archive.writestr(f"lastmodel_0/data/{key}", storage.values.tobytes())
    archive.writestr("lastmodel_0/version", "3\n")

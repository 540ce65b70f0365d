"""An LV2 host in ctypes over lilv, the library that Ardour, jalv and others load LV2 with."""

import ctypes as c
import ctypes.util
from ctypes import CFUNCTYPE, POINTER, Structure

import numpy as np
import pytest

P, U32 = c.c_void_p, c.c_uint32
ATOM_FLOAT = "http://lv2plug.in/ns/ext/atom#Float"
PRESET_SUBJECT = b"urn:phoenix-stems:test-state"


class Descriptor(Structure):
    _fields_ = [
        ("uri", c.c_char_p),
        ("instantiate", P),
        ("connect_port", CFUNCTYPE(None, P, U32, P)),
        ("activate", CFUNCTYPE(None, P)),
        ("run", CFUNCTYPE(None, P, U32)),
        ("deactivate", CFUNCTYPE(None, P)),
        ("cleanup", CFUNCTYPE(None, P)),
        ("extension_data", P),
    ]


class Instance(Structure):
    _fields_ = [("descriptor", POINTER(Descriptor)), ("handle", P), ("private", P)]


class Map(Structure):
    _fields_ = [("handle", P), ("map", CFUNCTYPE(U32, P, c.c_char_p))]


class Unmap(Structure):
    _fields_ = [("handle", P), ("unmap", CFUNCTYPE(P, P, U32))]


GetValue = CFUNCTYPE(P, c.c_char_p, P, POINTER(U32), POINTER(U32))
SetValue = CFUNCTYPE(None, c.c_char_p, P, POINTER(c.c_float), U32, U32)
SIGNATURES = {
    "lilv_world_new": (P,),
    "lilv_world_free": (None, P),
    "lilv_world_load_all": (None, P),
    "lilv_world_load_resource": (c.c_int, P, P),
    "lilv_world_get_all_plugins": (P, P),
    "lilv_new_uri": (P, P, c.c_char_p),
    "lilv_node_as_string": (c.c_char_p, P),
    "lilv_plugins_get_by_uri": (P, P, P),
    "lilv_plugin_instantiate": (POINTER(Instance), P, c.c_double, P),
    "lilv_plugin_get_num_ports": (U32, P),
    "lilv_plugin_get_port_by_index": (P, P, U32),
    "lilv_plugin_get_port_ranges_float": (None, P, P, P, P),
    "lilv_port_get_symbol": (P, P, P),
    "lilv_state_new_from_instance": (P, P, P, P, P, P, P, P, GetValue, P, U32, P),
    "lilv_state_new_from_file": (P, P, P, P, c.c_char_p),
    "lilv_state_new_from_string": (P, P, P, c.c_char_p),
    "lilv_state_new_from_world": (P, P, P, P),
    "lilv_state_restore": (None, P, P, SetValue, P, U32, P),
    "lilv_state_save": (c.c_int, P, P, P, P, c.c_char_p, c.c_char_p, c.c_char_p),
    "lilv_state_to_string": (P, P, P, P, P, c.c_char_p, c.c_char_p),
    "lilv_state_free": (None, P),
}


def lilv():
    """Return the library with its signatures; skips where it is missing."""
    name = ctypes.util.find_library("lilv-0")
    if name is None:
        pytest.skip("needs lilv: `make system-packages` installs it")
    library = c.CDLL(name)
    for function, (result, *arguments) in SIGNATURES.items():
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library


class World:
    """All plugins below LV2_PATH, and numbers for URIs."""

    def __init__(self):
        self.lilv = lilv()
        self.address = self.lilv.lilv_world_new()
        self.lilv.lilv_world_load_all(self.address)
        self._uris = []
        self.map = Map(None, Map._fields_[1][1](self._number))
        self.unmap = Unmap(None, Unmap._fields_[1][1](self._uri))
        self.float_type = self._number(None, ATOM_FLOAT.encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lilv.lilv_world_free(self.address)

    def _number(self, _handle, uri):
        known = [buffer.value for buffer in self._uris]
        if uri not in known:
            self._uris.append(c.create_string_buffer(uri))
        return [*known, uri].index(uri) + 1

    def _uri(self, _handle, number):
        return c.addressof(self._uris[number - 1])

    def node(self, uri):
        return self.lilv.lilv_new_uri(self.address, uri.encode())

    def plugin(self, uri):
        plugins = self.lilv.lilv_world_get_all_plugins(self.address)
        return self.lilv.lilv_plugins_get_by_uri(plugins, self.node(uri))

    def text_of(self, state):
        """The state as it is written to a session, byte for byte."""
        text = self.lilv.lilv_state_to_string(
            self.address, c.byref(self.map), c.byref(self.unmap), state, PRESET_SUBJECT, None
        )
        return c.string_at(text)

    def save(self, state, folder):
        maps = c.byref(self.map), c.byref(self.unmap)
        folder = str(folder).encode()
        code = self.lilv.lilv_state_save(
            self.address, *maps, state, None, folder, b"state.ttl"
        )  # fmt: skip
        assert code == 0

    def state_from_file(self, file):
        path = str(file).encode()
        return self.lilv.lilv_state_new_from_file(self.address, c.byref(self.map), None, path)

    def state_from_text(self, text):
        return self.lilv.lilv_state_new_from_string(self.address, c.byref(self.map), text)

    def preset(self, uri):
        node = self.node(uri)
        self.lilv.lilv_world_load_resource(self.address, node)
        return self.lilv.lilv_state_new_from_world(self.address, c.byref(self.map), node)


class Lv2Host:
    """One instance of a plugin; ``controls`` holds its control ports' values by symbol."""

    def __init__(self, world, uri, rate_hz):
        self.world = world
        self.plugin = world.plugin(uri)
        features = (P * 1)(None)
        self._instance = world.lilv.lilv_plugin_instantiate(self.plugin, rate_hz, features)
        self._descriptor = self._instance.contents.descriptor.contents
        self._handle = self._instance.contents.handle
        self.ports = [self._symbol(index) for index in range(self._count())]
        self._values = self._initial_values()
        for index in range(len(self.ports)):
            place = c.addressof(self._values) + 4 * index
            self._descriptor.connect_port(self._handle, index, place)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._descriptor.cleanup(self._handle)

    def _count(self):
        return self.world.lilv.lilv_plugin_get_num_ports(self.plugin)

    def _symbol(self, index):
        port = self.world.lilv.lilv_plugin_get_port_by_index(self.plugin, index)
        symbol = self.world.lilv.lilv_port_get_symbol(self.plugin, port)
        return self.world.lilv.lilv_node_as_string(symbol).decode()

    def _initial_values(self):
        values = (c.c_float * self._count())()
        self.world.lilv.lilv_plugin_get_port_ranges_float(self.plugin, None, None, values)
        values[:] = np.nan_to_num(values)  # of ports that have no default
        return values

    def __getitem__(self, symbol):
        return self._values[self.ports.index(symbol)]

    def __setitem__(self, symbol, value):
        self._values[self.ports.index(symbol)] = value

    def state(self):
        """The host's state of the plugin, as lilv makes it for a session."""

        def get(symbol, _data, size, kind):
            size[0], kind[0] = 4, self.world.float_type
            return c.addressof(self._values) + 4 * self.ports.index(symbol.decode())

        return self.world.lilv.lilv_state_new_from_instance(
            self.plugin, self._instance, c.byref(self.world.map),
            None, None, None, None, GetValue(get), None, 0, None,
        )  # fmt: skip

    def restore(self, state):
        def put(symbol, _data, value, _size, _kind):
            self[symbol.decode()] = value[0]

        self.world.lilv.lilv_state_restore(state, self._instance, SetValue(put), None, 0, None)

    def render(self, dry, block_frames):
        """Play [channel, frame] offline; returns what comes out of the first two outputs."""
        self["freewheel"] = 1.0
        self._descriptor.activate(self._handle)
        wet = np.zeros_like(dry)
        for start in range(0, dry.shape[1], block_frames):
            block = np.ascontiguousarray(dry[:, start : start + block_frames])
            out = np.zeros_like(block)
            for port, row in enumerate([*block, *out]):
                self._descriptor.connect_port(self._handle, port, row.ctypes.data)
            self._descriptor.run(self._handle, block.shape[1])
            wet[:, start : start + block_frames] = out
        self._descriptor.deactivate(self._handle)
        return wet

"""A CLAP host in ctypes: one plugin, any blocks, offline or paced in real time."""

import ctypes as c
import time
from dataclasses import dataclass

import clap_abi as abi
import numpy as np


class ClapError(Exception):
    """The plugin said no, or that processing failed."""


@dataclass(frozen=True)
class Parameter:
    """What a host knows of a parameter."""

    id: int
    name: str
    flags: int
    minimum: float
    maximum: float
    default: float


class ClapHost:
    """Loads a .clap file and holds one instance of one of its plugins.

    What the plugin asks of its host is counted: ``restarts``, ``callbacks``, ``latency_changes``.
    """

    def __init__(self, path, plugin_id):
        self.restarts = self.callbacks = self.latency_changes = 0
        self._values = {}
        self._library = c.CDLL(str(path))
        self.entry = abi.Entry.in_dll(self._library, "clap_entry")
        if not self.entry.init(str(path).encode()):
            raise ClapError("clap_entry.init")
        self.factory = self.entry.get_factory(b"clap.plugin-factory")
        self._host = self._make_host()
        self.plugin = self.factory.contents.create(
            self.factory, c.byref(self._host), plugin_id.encode()
        )
        if not self.plugin or not self._call("init"):
            raise ClapError(f"no plugin {plugin_id}")
        self.parameters = {parameter.name: parameter for parameter in self._list_parameters()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.destroy()

    def destroy(self):
        """End the instance and the library's use; a second call does nothing."""
        if self.plugin:
            self._call("destroy")
            self.plugin = None
            self.entry.deinit()

    def plugin_ids(self):
        count = self.factory.contents.count(self.factory)
        describe = self.factory.contents.descriptor
        return [describe(self.factory, index).contents.id.decode() for index in range(count)]

    def activate(self, rate_hz, maximum_frames, minimum_frames=1):
        if not self._call("activate", rate_hz, minimum_frames, maximum_frames):
            raise ClapError("activate")
        self._call("start_processing")

    def deactivate(self):
        self._call("stop_processing")
        self._call("deactivate")

    def reset(self):
        self._call("reset")

    def main_thread(self):
        """Do what the plugin has asked to be done on the main thread."""
        self._call("on_main_thread")

    @property
    def latency_samples(self):
        return self._extension("clap.latency", abi.Latency).get(self.plugin)

    def render_offline(self, offline):
        mode = abi.RENDER_OFFLINE if offline else abi.RENDER_REALTIME
        if not self._extension("clap.render", abi.Render).set(self.plugin, mode):
            raise ClapError("render mode")

    def ports(self, *, is_input):
        """Return (name, channels) of each port."""
        ports = self._extension("clap.audio-ports", abi.AudioPorts)
        info = abi.AudioPortInfo()
        found = []
        for index in range(ports.count(self.plugin, is_input)):
            assert ports.get(self.plugin, index, is_input, c.byref(info))
            found.append((info.name.decode(), info.channel_count))
        return found

    def set(self, name, value):
        """Send a value with the next block."""
        self._values[self.parameters[name].id] = value

    def get(self, name):
        value = c.c_double()
        params = self._extension("clap.params", abi.Params)
        assert params.get_value(self.plugin, self.parameters[name].id, c.byref(value))
        return value.value

    def text_of(self, name, value):
        text = c.create_string_buffer(64)
        params = self._extension("clap.params", abi.Params)
        assert params.value_to_text(self.plugin, self.parameters[name].id, value, text, 64)
        return text.value.decode()

    def value_of(self, name, text):
        value = c.c_double()
        params = self._extension("clap.params", abi.Params)
        identity = self.parameters[name].id
        assert params.text_to_value(self.plugin, identity, text.encode(), c.byref(value))
        return value.value

    def flush(self):
        """Deliver waiting values without audio."""
        events = self._take_events()
        discard = _discard_events()
        params = self._extension("clap.params", abi.Params)
        params.flush(self.plugin, c.byref(events), c.byref(discard))

    def save_state(self, most_bytes_at_once=1 << 30):
        written = bytearray()

        def write(_stream, buffer, size):
            size = min(size, most_bytes_at_once)
            written.extend(c.string_at(buffer, size))
            return size

        stream = abi.OutputStream(None, abi.OutputStream._fields_[1][1](write))
        if not self._extension("clap.state", abi.State).save(self.plugin, c.byref(stream)):
            raise ClapError("save")
        return bytes(written)

    def load_state(self, state, most_bytes_at_once=1 << 30):
        position = 0

        def read(_stream, buffer, size):
            nonlocal position
            part = state[position : position + min(size, most_bytes_at_once)]
            c.memmove(buffer, part, len(part))
            position += len(part)
            return len(part)

        stream = abi.InputStream(None, abi.InputStream._fields_[1][1](read))
        if not self._extension("clap.state", abi.State).load(self.plugin, c.byref(stream)):
            raise ClapError("load")

    def process(self, block):
        """[channel, frame] to a list of [channel, frame], one per output port."""
        frames = block.shape[1]
        shapes = [(channels, frames) for _, channels in self.ports(is_input=False)]
        outputs = [np.full(shape, np.nan, np.float32) for shape in shapes]
        inputs = [np.ascontiguousarray(block, np.float32)]
        keep, process = _process_of(inputs, outputs)
        events, discard = self._take_events(), _discard_events()
        process.in_events, process.out_events = c.pointer(events), c.pointer(discard)
        if self._call("process", c.byref(process)) == abi.PROCESS_ERROR:
            raise ClapError(f"process: {self.text_of('Status', self.get('Status'))}")
        del keep
        return outputs

    def render(self, audio, block_frames):
        """All of [channel, frame] in blocks of these sizes, in turn; as ``process``."""
        parts = [self.process(block) for block in blocks_of(audio, block_frames)]
        return [np.concatenate(port, axis=1) for port in zip(*parts, strict=True)]

    def play(self, audio, block_frames, rate_hz, each=None):
        """Like ``render``, no faster than the audio lasts.

        ``each(index)`` is called before every block; true ends it.
        """
        parts, started, played = [], time.monotonic(), 0
        for index, block in enumerate(blocks_of(audio, [block_frames])):
            if each and each(index):
                break
            played += block.shape[1]
            time.sleep(max(0.0, started + played / rate_hz - time.monotonic()))
            parts.append(self.process(block))
        return [np.concatenate(port, axis=1) for port in zip(*parts, strict=True)]

    def _call(self, name, *arguments):
        return getattr(self.plugin.contents, name)(self.plugin, *arguments)

    def _extension(self, name, kind):
        address = self._call("get_extension", name.encode())
        if not address:
            raise ClapError(f"no extension {name}")
        return kind.from_address(address)

    def _list_parameters(self):
        params = self._extension("clap.params", abi.Params)
        info = abi.ParamInfo()
        for index in range(params.count(self.plugin)):
            assert params.get_info(self.plugin, index, c.byref(info))
            limits = (info.minimum, info.maximum, info.default_value)
            yield Parameter(info.id, info.name.decode(), info.flags, *limits)

    def _take_events(self):
        events = [
            abi.ParamValueEvent(
                abi.EventHeader(
                    c.sizeof(abi.ParamValueEvent), 0, 0, abi.EVENT_PARAM_VALUE, 0
                ),
                identity, None, -1, -1, -1, -1, value,
            )
            for identity, value in self._values.items()
        ]  # fmt: skip
        self._values = {}
        size = abi.InputEvents._fields_[1][1](lambda _list: len(events))
        get = abi.InputEvents._fields_[2][1](lambda _list, index: c.addressof(events[index]))
        return abi.InputEvents(None, size, get)

    def _make_host(self):
        def count(name):
            def request(_host):
                setattr(self, name, getattr(self, name) + 1)

            return abi.Request(request)

        self._host_latency = abi.HostLatency(count("latency_changes"))

        def extension(_host, name):
            return c.addressof(self._host_latency) if name == b"clap.latency" else None

        return abi.Host(
            abi.Version(1, 1, 1), None, b"test host", b"", b"", b"1",
            abi.Host._fields_[6][1](extension),
            count("restarts"), abi.Request(lambda _host: None), count("callbacks"),
        )  # fmt: skip


def blocks_of(audio, block_frames):
    """Cut [channel, frame] into blocks of these sizes, in turn, until it ends."""
    start, index = 0, 0
    while start < audio.shape[1]:
        frames = block_frames[index % len(block_frames)]
        yield audio[:, start : start + frames]
        start += frames
        index += 1


def _process_of(inputs, outputs):
    kept = []

    def buffers(arrays):
        result = (abi.AudioBuffer * len(arrays))()
        for index, array in enumerate(arrays):
            pointers = (c.POINTER(c.c_float) * len(array))(
                *(channel.ctypes.data_as(c.POINTER(c.c_float)) for channel in array)
            )
            kept.append(pointers)
            result[index] = abi.AudioBuffer(pointers, None, len(array), 0, 0)
        return result

    in_buffers, out_buffers = buffers(inputs), buffers(outputs)
    process = abi.Process(
        -1, inputs[0].shape[1], None, in_buffers, out_buffers, len(inputs), len(outputs)
    )
    return (kept, in_buffers, out_buffers), process


def _discard_events():
    return abi.OutputEvents(None, abi.OutputEvents._fields_[1][1](lambda _list, _event: True))

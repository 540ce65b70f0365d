"""CLAP's structures for ctypes, as far as the host of these tests uses them.

Written from the public specification and apart from the plugin's own header, so that one checks the
other.
"""

import ctypes as c
from ctypes import CFUNCTYPE, POINTER, Structure

EVENT_PARAM_VALUE = 5
PROCESS_ERROR = 0
PROCESS_CONTINUE = 1
RENDER_REALTIME = 0
RENDER_OFFLINE = 1


class Version(Structure):
    _fields_ = [("major", c.c_uint32), ("minor", c.c_uint32), ("revision", c.c_uint32)]


class EventHeader(Structure):
    _fields_ = [
        ("size", c.c_uint32),
        ("time", c.c_uint32),
        ("space_id", c.c_uint16),
        ("type", c.c_uint16),
        ("flags", c.c_uint32),
    ]


class ParamValueEvent(Structure):
    _fields_ = [
        ("header", EventHeader),
        ("param_id", c.c_uint32),
        ("cookie", c.c_void_p),
        ("note_id", c.c_int32),
        ("port_index", c.c_int16),
        ("channel", c.c_int16),
        ("key", c.c_int16),
        ("value", c.c_double),
    ]


class InputEvents(Structure):
    pass


InputEvents._fields_ = [
    ("context", c.c_void_p),
    ("size", CFUNCTYPE(c.c_uint32, POINTER(InputEvents))),
    ("get", CFUNCTYPE(c.c_void_p, POINTER(InputEvents), c.c_uint32)),
]


class OutputEvents(Structure):
    pass


OutputEvents._fields_ = [
    ("context", c.c_void_p),
    ("try_push", CFUNCTYPE(c.c_bool, POINTER(OutputEvents), POINTER(EventHeader))),
]


class AudioBuffer(Structure):
    _fields_ = [
        ("data32", POINTER(POINTER(c.c_float))),
        ("data64", c.c_void_p),
        ("channel_count", c.c_uint32),
        ("latency", c.c_uint32),
        ("constant_mask", c.c_uint64),
    ]


class Process(Structure):
    _fields_ = [
        ("steady_time", c.c_int64),
        ("frames_count", c.c_uint32),
        ("transport", c.c_void_p),
        ("audio_inputs", POINTER(AudioBuffer)),
        ("audio_outputs", POINTER(AudioBuffer)),
        ("audio_inputs_count", c.c_uint32),
        ("audio_outputs_count", c.c_uint32),
        ("in_events", POINTER(InputEvents)),
        ("out_events", POINTER(OutputEvents)),
    ]


class Host(Structure):
    pass


Request = CFUNCTYPE(None, POINTER(Host))
Host._fields_ = [
    ("version", Version),
    ("host_data", c.c_void_p),
    ("name", c.c_char_p),
    ("vendor", c.c_char_p),
    ("url", c.c_char_p),
    ("host_version", c.c_char_p),
    ("get_extension", CFUNCTYPE(c.c_void_p, POINTER(Host), c.c_char_p)),
    ("request_restart", Request),
    ("request_process", Request),
    ("request_callback", Request),
]


class Descriptor(Structure):
    _fields_ = [
        ("version", Version),
        *(
            (name, c.c_char_p)
            for name in ("id", "name", "vendor", "url", "manual_url", "support_url")
        ),
        ("plugin_version", c.c_char_p),
        ("description", c.c_char_p),
        ("features", POINTER(c.c_char_p)),
    ]


class Plugin(Structure):
    pass


_Action = CFUNCTYPE(None, POINTER(Plugin))
_Attempt = CFUNCTYPE(c.c_bool, POINTER(Plugin))
Plugin._fields_ = [
    ("descriptor", POINTER(Descriptor)),
    ("plugin_data", c.c_void_p),
    ("init", _Attempt),
    ("destroy", _Action),
    ("activate", CFUNCTYPE(c.c_bool, POINTER(Plugin), c.c_double, c.c_uint32, c.c_uint32)),
    ("deactivate", _Action),
    ("start_processing", _Attempt),
    ("stop_processing", _Action),
    ("reset", _Action),
    ("process", CFUNCTYPE(c.c_int32, POINTER(Plugin), POINTER(Process))),
    ("get_extension", CFUNCTYPE(c.c_void_p, POINTER(Plugin), c.c_char_p)),
    ("on_main_thread", _Action),
]


class Factory(Structure):
    pass


Factory._fields_ = [
    ("count", CFUNCTYPE(c.c_uint32, POINTER(Factory))),
    ("descriptor", CFUNCTYPE(POINTER(Descriptor), POINTER(Factory), c.c_uint32)),
    ("create", CFUNCTYPE(POINTER(Plugin), POINTER(Factory), POINTER(Host), c.c_char_p)),
]


class Entry(Structure):
    _fields_ = [
        ("version", Version),
        ("init", CFUNCTYPE(c.c_bool, c.c_char_p)),
        ("deinit", CFUNCTYPE(None)),
        ("get_factory", CFUNCTYPE(POINTER(Factory), c.c_char_p)),
    ]


class AudioPortInfo(Structure):
    _fields_ = [
        ("id", c.c_uint32),
        ("name", c.c_char * 256),
        ("flags", c.c_uint32),
        ("channel_count", c.c_uint32),
        ("port_type", c.c_char_p),
        ("in_place_pair", c.c_uint32),
    ]


class AudioPorts(Structure):
    _fields_ = [
        ("count", CFUNCTYPE(c.c_uint32, POINTER(Plugin), c.c_bool)),
        (
            "get",
            CFUNCTYPE(c.c_bool, POINTER(Plugin), c.c_uint32, c.c_bool, POINTER(AudioPortInfo)),
        ),
    ]


class ParamInfo(Structure):
    _fields_ = [
        ("id", c.c_uint32),
        ("flags", c.c_uint32),
        ("cookie", c.c_void_p),
        ("name", c.c_char * 256),
        ("module", c.c_char * 1024),
        ("minimum", c.c_double),
        ("maximum", c.c_double),
        ("default_value", c.c_double),
    ]


class Params(Structure):
    _fields_ = [
        ("count", CFUNCTYPE(c.c_uint32, POINTER(Plugin))),
        ("get_info", CFUNCTYPE(c.c_bool, POINTER(Plugin), c.c_uint32, POINTER(ParamInfo))),
        ("get_value", CFUNCTYPE(c.c_bool, POINTER(Plugin), c.c_uint32, POINTER(c.c_double))),
        (
            "value_to_text",
            CFUNCTYPE(
                c.c_bool, POINTER(Plugin), c.c_uint32, c.c_double, POINTER(c.c_char), c.c_uint32
            ),
        ),
        (
            "text_to_value",
            CFUNCTYPE(c.c_bool, POINTER(Plugin), c.c_uint32, c.c_char_p, POINTER(c.c_double)),
        ),
        (
            "flush",
            CFUNCTYPE(None, POINTER(Plugin), POINTER(InputEvents), POINTER(OutputEvents)),
        ),
    ]


class Latency(Structure):
    _fields_ = [("get", CFUNCTYPE(c.c_uint32, POINTER(Plugin)))]


class HostLatency(Structure):
    _fields_ = [("changed", Request)]


class Render(Structure):
    _fields_ = [
        ("has_hard_realtime_requirement", _Attempt),
        ("set", CFUNCTYPE(c.c_bool, POINTER(Plugin), c.c_int32)),
    ]


class InputStream(Structure):
    pass


InputStream._fields_ = [
    ("context", c.c_void_p),
    ("read", CFUNCTYPE(c.c_int64, POINTER(InputStream), c.c_void_p, c.c_uint64)),
]


class OutputStream(Structure):
    pass


OutputStream._fields_ = [
    ("context", c.c_void_p),
    ("write", CFUNCTYPE(c.c_int64, POINTER(OutputStream), c.c_void_p, c.c_uint64)),
]


class State(Structure):
    _fields_ = [
        ("save", CFUNCTYPE(c.c_bool, POINTER(Plugin), POINTER(OutputStream))),
        ("load", CFUNCTYPE(c.c_bool, POINTER(Plugin), POINTER(InputStream))),
    ]

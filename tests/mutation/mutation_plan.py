"""Which modules are mutated, and the tests that hold each, the quickest first."""

from __future__ import annotations

from dataclasses import dataclass, field

_WIRE = (
    *(
        f"tests/unit/protocol/test_protocol_{name}.py"
        for name in ("errors", "limits", "messages", "generators", "codec", "blocks")
    ),
    "tests/contract/test_protocol_golden.py",
    "tests/contract/test_protocol_document.py",
    "tests/contract/test_protocol_header.py",
    "tests/fuzz/test_codec_bytes.py",
)
_BRIDGE = "tests/unit/bridge/test_"
_SERVER = "tests/unit/server/test_"
_SCHEDULER = ("scheduler_order", "server_scheduler", "stream_pace", "hop_deadlines", "admission")
_TASK = ("task_lanes", "task_meter", "server_worker", "server_task_isolation")


@dataclass(frozen=True)
class Plan:
    """One module: where it is imported, its tests, and what its environment needs."""

    module: str
    tests: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    without: str = ""  # tests that this environment cannot run, as pytest's -k has them

    @property
    def path(self) -> str:
        """Its file, from the repository's root."""
        return f"{self.module.replace('.', '/')}.py"


def _wire(*names: str) -> tuple[str, ...]:
    """Return the wire's tests, those of these names first."""
    return tuple(sorted(_WIRE, key=lambda path: not path.endswith(_tests("_", *names))))


def _tests(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{name}.py" for name in names)


PLANS = (
    Plan("protocol.version", _wire("errors")),
    Plan("protocol.errors", _wire("errors")),
    Plan("protocol.limits", _wire("limits")),
    Plan("protocol.fields", _wire("messages")),
    Plan("protocol.messages", _wire("messages")),
    Plan("protocol.codec", _wire("codec")),
    Plan("protocol.blocks", _wire("blocks")),
    Plan("protocol.golden", _wire("golden")),
    Plan("protocol.c_header", _wire("header")),
    Plan("dsp.reblock", ("tests/unit/dsp/test_dsp_reblock.py",)),
    Plan(  # numba compiles no mutant twice a second: the kernel runs as plain Python
        "dsp.overlap_add",
        ("tests/unit/dsp/test_dsp_overlap_add.py",),
        {"NUMBA_DISABLE_JIT": "1"},
        "(test_warming_up_leaves_nothing_to_compile_for_real_shapes"
        " or test_the_kernel_allocates_nothing)",
    ),
    Plan("server.lanes.scheduler", _tests(_SERVER, *_SCHEDULER)),
    Plan("server.streams.inbox", _tests(_SERVER, "server_inbox", "server_inbox_machine")),
    Plan(
        "server.lanes.engine",
        _tests(_SERVER, "server_engine", "server_scheduler", "server_priority"),
    ),
    Plan("server.streams.task", _tests(_SERVER, *_TASK)),
    Plan("plugin_bridge.stem_ring", _tests(_BRIDGE, "stem_ring", "ring_machine")),
    Plan("plugin_bridge.fallback", _tests(_BRIDGE, "fallback")),
    Plan("plugin_bridge.stem_player", _tests(_BRIDGE, "stem_player", "live_edges", "live")),
    Plan("plugin_bridge.live_link", _tests(_BRIDGE, "live_link", "live_edges", "live")),
)

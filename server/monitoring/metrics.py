"""What the server counts, for Prometheus; every server has its own registry.

Times are seconds of a monotonic clock. A block is late when its step ended after its deadline: the
client has played something else by then.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_HOP_BUCKETS_S = (
    0.0005, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.0116, 0.016, 0.032, 0.064, 0.25, 1.0,
)  # fmt: skip


class Metrics:
    """The meters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.hop_seconds = Histogram(
            "phoenix_stems_hop_seconds",
            "Computing time of one hop",
            ["lane"],
            buckets=_HOP_BUCKETS_S,
            registry=self.registry,
        )
        self.blocks = self._counter("blocks", "Audio blocks taken in")
        self.late_blocks = self._counter("late_blocks", "Live blocks answered after their deadline")
        self.dropped_frames = self._counter(
            "dropped_frames",
            "Audio frames of live streams dropped, before or after inference",
            "side",
        )
        self.shed_streams = self._counter(
            "shed_streams", "Live streams ended because the machine could not keep them in time"
        )
        self.live_load = self._gauge(
            "live_load", "Cores that live streams take at today's costs", "lane"
        )
        self.hop_cost = self._gauge(
            "hop_cost_seconds", "What a hop takes now", "model", "profile", "quantile"
        )
        self.errors = self._counter("errors", "Errors sent to peers", "code")
        self.handshakes = self._counter("handshakes", "CURVE handshakes by ZAP status", "status")
        self.failed_handshakes = self._counter(
            "failed_handshakes", "Handshakes that ended before ZAP was asked", "reason"
        )
        self.throttled_messages = self._counter(
            "throttled_messages", "Messages ignored because a peer, or all together, sent too much"
        )
        self.peers = self._gauge("peers", "Connections")
        self.streams = self._gauge("streams", "Open streams")
        self.queued_streams = self._gauge("queued_streams", "Streams with work waiting", "lane")

    def text(self) -> bytes:
        """Return all meters in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"phoenix_stems_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"phoenix_stems_{name}", meaning, labels, registry=self.registry)

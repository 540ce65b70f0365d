"""``phoenix-stems live``: separate live, as a JACK client."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from plugin_bridge import BridgeError, EmbeddedServer, LiveSession, connect_live
from plugin_bridge.stem_player import MIX
from protocol import StemsError
from server.commands.json_output import add_json_argument, write_json
from server.commands.key_options import add_key_options, key_arguments
from server.commands.rehearsal import REHEARSAL_S, OpenSession, rehearse

if TYPE_CHECKING:
    from plugin_bridge.jack_client import OpenLive, StemsClient

_DESCRIPTION = """\
Registers a JACK client with the inputs in_left and in_right, a pair of outputs per stem, and
mix_left and mix_right, in which --gain, --mute and --solo hold. Connect the ports with any JACK
patch bay, or with --from and --to. Ctrl-C ends it. Without --connect a server is started.
"""
AUTO = "auto"
_LOOK_S = 0.2


def add_parser(subparsers: Any) -> None:
    """Add the command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "live",
        help="separate live, as a JACK client",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--gain",
        action="append",
        default=[],
        type=_gain,
        metavar="STEM=DB",
        help="gain of a stem in the mix, such as vocals=-6; may be repeated",
    )
    parser.add_argument("--mute", type=_names, metavar="A,B", help="stems left out of the mix")
    parser.add_argument("--solo", type=_names, metavar="A,B", help="stems alone in the mix")
    parser.add_argument("--connect", metavar="ENDPOINT", help="a running server [start one]")
    add_key_options(parser)
    parser.add_argument("--model", default="", metavar="NAME", help="[the server's default]")
    parser.add_argument("--profile", default="live", metavar="NAME", help="[live]")
    granted = parser.add_mutually_exclusive_group()
    granted.add_argument(
        "--latency",
        type=_latency,
        metavar="SAMPLES|auto",
        help="all of it; auto: a rehearsal of 10 s finds what this machine can hold",
    )
    granted.add_argument(
        "--round-trip", type=int, metavar="SAMPLES", help="time granted to computing [17.4 ms]"
    )
    parser.add_argument(
        "--from", dest="sources", type=_names, default=(), metavar="PORT,PORT", help="JACK inputs"
    )
    parser.add_argument(
        "--to", dest="sinks", type=_names, default=(), metavar="PORT,PORT", help="where mix goes"
    )
    parser.add_argument("--jack-server", metavar="NAME", help="name of the JACK server")
    parser.add_argument("--seconds", type=float, metavar="N", help="stop after N s [Ctrl-C]")
    add_json_argument(parser)
    parser.set_defaults(func=run)


def run(arguments: argparse.Namespace) -> int:
    """Run until told to stop; returns 0 unless JACK or the server could not be had."""
    from plugin_bridge.jack_client import StemsClient  # noqa: PLC0415 -- an optional extra

    stop = _stop_on_signals()
    try:
        with ExitStack() as stack:
            endpoint = arguments.connect
            if endpoint is None:
                server = EmbeddedServer(model=arguments.model, profile=arguments.profile)
                endpoint = stack.enter_context(server).endpoint
            opener = _opener(arguments, endpoint)
            client = stack.enter_context(StemsClient(opener, server_name=arguments.jack_server))
            _set_mix(client, arguments)
            client.start()
            client.connect(arguments.sources, arguments.sinks)
            _announce(client)
            _wait(client, stop, arguments.seconds)
            _report(client, arguments.json)
            if client.stopped.is_set():
                return _fail(client.last_failure)
    except (BridgeError, StemsError) as error:
        return _fail(str(error))
    return 0


def _fail(reason: str) -> int:
    print(f"phoenix-stems live: {reason}", file=sys.stderr)
    return 1


def _opener(arguments: argparse.Namespace, endpoint: str) -> OpenLive:
    """Return what opens the session once JACK's rate and block are known."""

    def open_session(rate_hz: int, block_frames: int) -> LiveSession:
        connect = partial(
            connect_live,
            endpoint,
            rate_hz=rate_hz,
            max_block_frames=block_frames,
            model=arguments.model,
            profile=arguments.profile,
            **key_arguments(arguments),
        )
        # Only the server knows the model's stems, and its terms of the latency.
        with connect(round_trip_samples=arguments.round_trip) as first:
            stems = first.stems
        round_trip = arguments.round_trip
        if arguments.latency == AUTO:
            round_trip = _rehearsed(connect, rate_hz, block_frames)
        elif arguments.latency is not None:
            round_trip = _round_trip_within(arguments.latency, first)
        return connect(stems=(*stems, MIX), round_trip_samples=round_trip)

    return open_session


def _rehearsed(connect: OpenSession, rate_hz: int, block_frames: int) -> int:
    print(f"rehearsing for {REHEARSAL_S:g} s", flush=True)
    rehearsal = rehearse(connect, rate_hz=rate_hz, block_frames=block_frames)
    if rehearsal.late_blocks:
        raise BridgeError(
            f"{rehearsal.late_blocks} blocks were late in the rehearsal: this machine is too slow "
            "or too busy; see phoenix-stems doctor"
        )
    return rehearsal.round_trip_samples


def _round_trip_within(total_samples: int, session: LiveSession) -> int:
    """Return what the other terms of the latency leave."""
    rest = session.latency.total - session.latency.round_trip
    least = session.minimum_round_trip_samples
    if total_samples < rest + least:
        raise BridgeError(
            f"latency of {total_samples} samples: {rest + least} or more, {least} of them for the "
            "round trip"
        )
    return total_samples - rest


def _set_mix(client: StemsClient, arguments: argparse.Namespace) -> None:
    known = [stem for stem in client.session.stems if stem != MIX]
    gains = dict(arguments.gain)
    for stem in (*gains, *(arguments.mute or ()), *(arguments.solo or ())):
        if stem not in known:
            raise BridgeError(f"stem {stem!r}: {', '.join(known)} allowed")
    client.session.set(gains_db=gains, mute=arguments.mute, solo=arguments.solo)


def _wait(client: StemsClient, stop: threading.Event, seconds: float | None) -> None:
    """Return when told to, when time is up, or when JACK has gone."""
    elapsed_s = 0.0
    while not stop.wait(_LOOK_S) and not client.stopped.is_set():
        elapsed_s += _LOOK_S
        if seconds is not None and elapsed_s >= seconds:
            return


def _announce(client: StemsClient) -> None:
    latency, rate_hz = client.session.latency, client.session.rate_hz
    print(
        f"{client.name}: stems {', '.join(client.session.stems)}; latency {latency.total} samples "
        f"({latency.total_ms(rate_hz):.1f} ms); Ctrl-C ends",
        flush=True,
    )


def _report(client: StemsClient, file: Path | None) -> None:
    live, audio = client.session.statistics, client.statistics
    print(f"{live.blocks} blocks, {live.late_blocks} late, {audio.xruns} xruns")
    latency = asdict(client.session.latency) | {"total": client.session.latency.total}
    write_json(file, {"latency_samples": latency, "live": asdict(live), "jack": asdict(audio)})


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    return stop


def _gain(text: str) -> tuple[str, float]:
    stem, _, gain = text.partition("=")
    try:
        return stem, float(gain)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: STEM=DB expected, such as vocals=-6") from None


def _latency(text: str) -> int | str:
    if text == AUTO or (text.isdecimal() and int(text)):
        return text if text == AUTO else int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: a number of samples, or {AUTO}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))

"""Errors of the wire, each leaf with the code that PROTOCOL.md section 7 gives it.

StemsError                     E000   never raised itself
 |- ProtocolError              E100   the bytes or their order are wrong
 |   |- MalformedFrame         E101   not our framing, or a header that is no msgpack map
 |   |- LimitExceeded          E102   names the limit and the value
 |   |- UnsupportedVersion     E103   names both versions
 |   |- UnexpectedMessage      E104   right message, wrong moment
 |   |- UnknownMessage         E105   a type this version does not know
 |   `- InvalidField           E106   a field is missing, of the wrong type, or out of range
 |- RequestRefused             E200   well-formed, but cannot be done
 |   |- UnknownModel           E201   names the models there are
 |   |- UnknownProfile         E202   names the profiles of the model
 |   |- UnknownStem            E203   names the stems of the model
 |   |- UnknownStream          E204   no such stream is open on this connection
 |   |- StreamExists           E205   the stream number is in use on this connection
 |   |- UnsupportedRate        E206   names the range of rates
 |   |- LatencyTooSmall        E207   names the smallest round-trip budget
 |   |- ModelUnavailable       E208   weights missing or corrupt; says what to install
 |   |- CreditExceeded         E209   a freewheeling client ran ahead of its credit
 |   |- ServerFull             E210   no room for another stream
 |   `- IncompatibleModel      E211   a switch that would need more latency than the stream has
 `- ServerFault                E300   the server failed; the request may be tried again
     |- EngineFault            E301   inference raised; the stream is closed
     |- ShuttingDown           E302   the server is draining
     |- AccessRevoked          E303   the connection's key is no longer allowed
     `- Overloaded             E304   the machine can no longer keep this live stream in time
"""
# ruff: noqa: N818 -- the names say what happened; that they are errors is the base class's part

from __future__ import annotations

from typing import ClassVar, Final


class StemsError(Exception):
    """Anything that can go wrong between a client and the server.

    ``reason`` is a sentence for a person: what was wrong, what is allowed, what to do.
    """

    code: ClassVar[str] = "E000"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


class ProtocolError(StemsError):
    """The bytes, or their order, are wrong: one side does not speak this protocol."""

    code = "E100"


class MalformedFrame(ProtocolError):
    """Not our framing, or a header that is no msgpack map."""

    code = "E101"


class LimitExceeded(ProtocolError):
    """Well-formed but too large or too many; names the limit and the value."""

    code = "E102"


class UnsupportedVersion(ProtocolError):
    """The major versions differ; names both."""

    code = "E103"


class UnexpectedMessage(ProtocolError):
    """A right message at the wrong moment."""

    code = "E104"


class UnknownMessage(ProtocolError):
    """A type that this version does not know."""

    code = "E105"


class InvalidField(ProtocolError):
    """A field is missing, of the wrong type, or out of range."""

    code = "E106"


class RequestRefused(StemsError):
    """A well-formed request that cannot be done."""

    code = "E200"


class UnknownModel(RequestRefused):
    """No such model; names the models there are."""

    code = "E201"


class UnknownProfile(RequestRefused):
    """No such profile; names the profiles of the model."""

    code = "E202"


class UnknownStem(RequestRefused):
    """No such stem; names the stems of the model."""

    code = "E203"


class UnknownStream(RequestRefused):
    """No such stream is open on this connection."""

    code = "E204"


class StreamExists(RequestRefused):
    """The stream number is in use on this connection."""

    code = "E205"


class UnsupportedRate(RequestRefused):
    """A sample rate out of range; names the range."""

    code = "E206"


class LatencyTooSmall(RequestRefused):
    """The round-trip budget is below the server's minimum; names it."""

    code = "E207"


class ModelUnavailable(RequestRefused):
    """The model's weights are missing or corrupt; says what to install."""

    code = "E208"


class CreditExceeded(RequestRefused):
    """A freewheeling client ran ahead of its credit."""

    code = "E209"


class ServerFull(RequestRefused):
    """No room for another stream."""

    code = "E210"


class IncompatibleModel(RequestRefused):
    """A switch to a model that needs more latency than the stream has."""

    code = "E211"


class ServerFault(StemsError):
    """The server failed; the request may be tried again."""

    code = "E300"


class EngineFault(ServerFault):
    """Inference raised; the stream is closed."""

    code = "E301"


class ShuttingDown(ServerFault):
    """The server is draining and takes nothing new."""

    code = "E302"


class AccessRevoked(ServerFault):
    """The connection's key is no longer allowed; its streams are gone."""

    code = "E303"


class Overloaded(ServerFault):
    """The machine can no longer keep this live stream in time; it is closed so that others are."""

    code = "E304"


def _tree(root: type[StemsError]) -> list[type[StemsError]]:
    """Return the class and everything below it, parents first."""
    return [root] + [leaf for child in root.__subclasses__() for leaf in _tree(child)]


ERRORS_BY_CODE: Final[dict[str, type[StemsError]]] = {
    error.code: error for error in _tree(StemsError)
}


def error_from_code(code: str, reason: str) -> StemsError:
    """Return the error that a peer's code stands for.

    A code from a newer minor version becomes its family's error, and the reason keeps the code.
    """
    if code in ERRORS_BY_CODE:
        return ERRORS_BY_CODE[code](reason)
    family = ERRORS_BY_CODE.get(f"{code[:2]}00", StemsError)
    return family(f"{reason} (code {code} of a newer version)")

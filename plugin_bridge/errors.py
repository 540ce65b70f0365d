"""Errors of the client side; a server's refusals are ``protocol.StemsError`` and pass through.

BridgeError
 |- BadAudio              a block of the wrong shape or type; names what is allowed
 |- BadKey                a key that is none, or whose file others may read
 |- AccessRefused         the server does not let this client in; says which key is at fault
 |- ServerUnreachable     nobody answered the handshake in time
 |- ServerLost            the server went away, or broke its promises, in the middle of a stream
 |- RedirectLoop          servers sent the bridge on too many times
 |- EmbeddedServerFailed  the server we started died; holds the end of what it wrote
 |- SessionClosed         used after close
 `- SeparationFailed      a file could not be separated; names the file and the cause
"""

# ruff: noqa: N818 -- the names say what happened; that they are errors is the base class's part

from __future__ import annotations


class BridgeError(Exception):
    """Anything that ``plugin_bridge`` raises on purpose."""


class BadAudio(BridgeError, ValueError):
    """Audio of a shape or type that the stream cannot take."""


class BadKey(BridgeError, ValueError):
    """A key that is none, or that lies where others may read it."""


class AccessRefused(BridgeError, ConnectionError):
    """The server does not let this client in."""


class ServerUnreachable(BridgeError, ConnectionError):
    """No server answered the handshake in time."""


class ServerLost(BridgeError, ConnectionError):
    """The server went away, or its answers stopped making sense, in the middle of a stream."""


class RedirectLoop(BridgeError, ConnectionError):
    """Servers redirected the bridge more often than it follows."""


class EmbeddedServerFailed(BridgeError, RuntimeError):
    """The server that the bridge started did not become ready, or died too often."""


class SessionClosed(BridgeError, RuntimeError):
    """The session was used after it was closed."""


class SeparationFailed(BridgeError, RuntimeError):
    """A file could not be read, separated or written."""

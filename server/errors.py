"""Errors of the server's start; what goes wrong later is a ``protocol.errors`` answer to a peer.

StartError
 |- ConfigError             names the key, its value and what is allowed
 |- EndpointRefusedError    the address is not one this server may listen on
 |- EndpointInUseError      another process listens there
 |- NotPrivateError         a file or directory that others may open
 |- KeysError               keys that are missing, malformed or in the way; says how to make them
 |- DeviceUnavailableError  torch finds no such device
 `- WarmUpError             the model that the server should start with cannot run
"""


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


class ConfigError(StartError, ValueError):
    """A setting that is unknown, of the wrong type or out of range."""


class EndpointRefusedError(StartError, ValueError):
    """An endpoint that other users or other machines could reach."""


class EndpointInUseError(StartError, OSError):
    """An endpoint that another process has."""


class NotPrivateError(StartError, PermissionError):
    """A secret file, or its directory, that is not ours alone."""


class KeysError(StartError, ValueError):
    """Keys that are missing, malformed or in the way."""


class DeviceUnavailableError(StartError, RuntimeError):
    """Torch finds no such device on this machine."""


class WarmUpError(StartError, RuntimeError):
    """The start model could not be loaded or failed on its first block."""

"""Keys, a CURVE server, and a TCP proxy that records, cuts and delays what passes."""

import contextlib
import select
import socket
import threading
import time

from server_client import running_server

from server.security.allowed_keys import AllowList
from server.security.keys import KeyStore


class Keys:
    """The keys of a server and of one client that it allows."""

    def __init__(self, directory):
        self.directory = directory
        self.store = KeyStore(directory)
        self.allowed = AllowList(directory)
        self.server = self.store.create("server")
        self.client = self.store.create("client")
        self.allowed.allow(self.client.public, "client")

    @property
    def arguments(self):
        """What ``plugin_bridge.connect`` takes."""
        return {"server_key": self.server.public, "client_key": self.client.secret}


@contextlib.contextmanager
def secure_server(directory, keys, **settings):
    """Run a CURVE server on loopback, in this process."""
    curve = {"endpoint": "tcp://127.0.0.1:*", "encryption": "always", "keys": str(keys.directory)}
    with running_server(directory, **(curve | settings)) as server:
        yield server


class Proxy:
    """Forwards TCP to an endpoint; ``delay_s`` and ``is_cut`` may change at any time."""

    def __init__(self, endpoint):
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.delay_s = 0.0
        self.is_cut = False
        self.to_server = bytearray()
        self.to_client = bytearray()
        self._is_closing = False
        self._servers = []  # sockets to the server, one per connection
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._is_closing = True
        for thread in list(self._threads):
            thread.join(5)
        self._listener.close()

    @property
    def recorded(self):
        """Return everything that an eavesdropper has seen."""
        return bytes(self.to_server) + bytes(self.to_client)

    def inject(self, data):
        """Send bytes to the server on the newest connection, as if its client had."""
        return self._servers[-1].send(data)

    def _accept(self):
        while not self._is_closing:
            if select.select([self._listener], [], [], 0.05)[0]:
                client, _ = self._listener.accept()
                self._start(client)

    def _start(self, client):
        if self.is_cut:
            client.close()
            return
        try:
            server = socket.create_connection(self._target)
        except ConnectionRefusedError:  # it is just about to listen anew
            client.close()
            return
        self._servers.append(server)
        thread = threading.Thread(target=self._forward, args=(client, server), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _forward(self, client, server):
        waiting = []  # (due, socket to send on, bytes)
        records = {client: (server, self.to_server), server: (client, self.to_client)}
        with client, server, contextlib.suppress(OSError):
            while not self._is_closing and not self.is_cut:
                for source in select.select([client, server], [], [], 0.001)[0]:
                    data = source.recv(1 << 20)
                    if not data:
                        return
                    target, record = records[source]
                    record += data
                    waiting.append((time.monotonic() + self.delay_s, target, data))
                while waiting and waiting[0][0] <= time.monotonic():
                    _, target, data = waiting.pop(0)
                    target.sendall(data)

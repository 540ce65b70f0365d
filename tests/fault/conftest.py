"""One process to fork from for all fault tests, and servers forked from it."""

import pytest
from zygote import Zygote


@pytest.fixture(scope="session")
def zygote():
    with Zygote() as zygote:
        yield zygote


@pytest.fixture
def endpoint(tmp_path):
    return f"ipc://{tmp_path}/private/server.sock"


@pytest.fixture
def serve(zygote, endpoint):
    """Return a function that starts a server and returns it when it is ready."""
    started = []

    def start(**arguments):
        server = zygote.start("server", endpoint=endpoint, **arguments)
        started.append(server)
        told = server.hear()
        assert told.get("ready"), told
        server.metrics_url = told["metrics"]
        return server

    yield start
    for server in started:
        server.kill()

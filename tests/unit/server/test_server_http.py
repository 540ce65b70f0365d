"""Metrics and health over HTTP: who is alive, who is ready, and nothing else."""

import http.client
import socket
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import build
from server.errors import ConfigError, EndpointInUseError
from server.monitoring.http import HealthEndpoint
from server.monitoring.metrics import Metrics


@contextmanager
def served(address="127.0.0.1:0", metrics=None, *, ready=lambda: True):
    endpoint = HealthEndpoint(address, metrics or Metrics(), ready)
    endpoint.start()
    try:
        yield endpoint
    finally:
        endpoint.stop()


def get(endpoint, path, method="GET"):
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode(), dict(response.getheaders())
    finally:
        connection.close()


def test_ready_follows_the_server_while_health_does_not():
    states = iter([False, True, False])
    with served(ready=lambda: next(states)) as endpoint:
        assert get(endpoint, "/health")[:2] == (200, "alive\n")
        assert get(endpoint, "/ready")[:2] == (503, "not ready\n")
        assert get(endpoint, "/ready")[:2] == (200, "ready\n")
        assert get(endpoint, "/ready")[:2] == (503, "not ready\n")


def test_metrics_are_prometheus_text():
    metrics = Metrics()
    metrics.late_blocks.inc(3)
    with served(metrics=metrics) as endpoint:
        status, text, headers = get(endpoint, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert int(headers["Content-Length"]) == len(text)
    assert "phoenix_stems_late_blocks_total 3.0" in text.splitlines()


@pytest.mark.parametrize("path", ["/", "/metrics/", "/health?x", "/../etc/passwd", "/ready%00"])
def test_any_other_path_is_not_found_and_names_those_there_are(path):
    with served() as endpoint:
        assert get(endpoint, path)[:2] == (404, "/metrics, /health or /ready\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(method):
    with served() as endpoint:
        assert get(endpoint, "/metrics", method)[0] == 501
        assert get(endpoint, "/health")[0] == 200


def test_requests_are_not_logged(capfd):
    with served() as endpoint:
        get(endpoint, "/health")
        get(endpoint, "/missing")
    assert capfd.readouterr().err == ""


def test_a_client_that_says_nothing_does_not_hold_up_another():
    with served() as endpoint:
        host, _, port = endpoint.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5):
            assert get(endpoint, "/health")[0] == 200


def test_the_port_is_given_back():
    with served() as endpoint:
        address = endpoint.url.removeprefix("http://")
        with pytest.raises(EndpointInUseError, match=f"metrics address {address}: .*in use"):
            HealthEndpoint(address, Metrics(), lambda: True)
    with served(address) as again:
        assert get(again, "/health")[0] == 200


def test_one_that_was_never_started_stops():
    HealthEndpoint("127.0.0.1:0", Metrics(), lambda: True).stop()


def test_it_listens_on_ipv6_too():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with served("[::1]:0") as endpoint:
        assert endpoint.url.startswith("http://[::1]:")
        assert get(endpoint, "/health")[0] == 200


@given(host=st.sampled_from(["127.0.0.1", "[::1]", "127.1.2.3"]), port=st.integers(0, 70_000))
def test_loopback_and_a_port_are_allowed(host, port):
    address = f"{host}:{port}"
    if port <= 65_535:
        assert build({"metrics": address}).metrics == address
    else:
        with pytest.raises(ConfigError, match="metrics"):
            build({"metrics": address})


@pytest.mark.parametrize("address", ["10.0.0.1:80", ":80", "[::]:80", "127.0.0.1:", "127.0.0.1:-1"])
def test_nothing_that_others_could_reach_is_allowed(address):
    with pytest.raises(ConfigError, match="a loopback address and port"):
        build({"metrics": address})

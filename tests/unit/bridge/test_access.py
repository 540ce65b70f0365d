"""Keys for an encrypted connection, and what is said when the server does not let us in."""

import pytest
import zmq

from plugin_bridge import BadKey
from plugin_bridge.access import HandshakeWatch, Refusals, make_access, needs_watch

PUBLIC, SECRET = (key.decode() for key in zmq.curve_keypair())
HERE = "tcp://127.0.0.1:9"


def test_without_keys_there_is_no_access_to_prove():
    assert make_access(None, None) is None


@pytest.mark.parametrize("keys", [(PUBLIC, None), (None, SECRET)])
def test_one_key_alone_is_refused(keys):
    with pytest.raises(BadKey, match="belong together"):
        make_access(*keys)


@pytest.mark.parametrize("wrong", ["", "short", PUBLIC[:-1], PUBLIC + "a", "~" * 40, "é" * 40])
def test_what_is_no_key_is_named_and_not_shown(wrong):
    with pytest.raises(BadKey, match="server_key: 40 characters"):
        make_access(wrong, SECRET)
    with pytest.raises(BadKey, match="client_key: 40 characters") as caught:
        make_access(PUBLIC, wrong)
    assert not wrong or wrong not in str(caught.value)


def test_a_key_may_lie_in_a_private_file(tmp_path):
    file = tmp_path / "client.key"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    assert make_access(PUBLIC, file) == make_access(PUBLIC, SECRET)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_holds_no_secret(tmp_path, mode):
    file = tmp_path / "client.key"
    file.write_text(SECRET)
    file.chmod(mode)
    with pytest.raises(BadKey, match=f"mode {mode:04o}"):
        make_access(PUBLIC, file)


def test_a_missing_file_and_a_link_are_refused(tmp_path):
    with pytest.raises(BadKey, match="No such file"):
        make_access(PUBLIC, tmp_path / "none.key")
    (tmp_path / "client.key").write_text(SECRET)
    (tmp_path / "client.key").chmod(0o600)
    (tmp_path / "link.key").symlink_to(tmp_path / "client.key")
    with pytest.raises(BadKey, match="link"):
        make_access(PUBLIC, tmp_path / "link.key")


def test_only_connections_over_the_network_are_watched():
    assert needs_watch("tcp://studio:5555")
    assert not needs_watch("ipc:///run/server.sock")


ACCESS = make_access(PUBLIC, SECRET)


@pytest.mark.parametrize(
    ("access", "event", "said"),
    [
        (ACCESS, zmq.EVENT_HANDSHAKE_FAILED_AUTH, "refused this client's key .status 400."),
        (None, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, "takes encrypted connections only"),
        (ACCESS, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, "does not speak CURVE; connect without"),
    ],
)
def test_a_refusal_says_at_once_what_to_do(access, event, said):
    refusals = Refusals(HERE, access)
    assert refusals.reason(None) is None
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(refusals.reason((int(event), 400)))


def test_a_handshake_that_just_ends_is_a_refusal_only_when_it_does_so_again():
    """A server that is being restarted ends one, too."""
    refusals, event = Refusals(HERE, ACCESS), int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
    reasons = [refusals.reason((event, 0)) for _ in range(10)]
    assert reasons[0] is None
    assert "server_key is not its key" in reasons[-1]
    assert reasons[-1].startswith(HERE)


def test_a_server_that_wants_keys_is_noticed_by_a_client_without():
    context = zmq.Context()
    server, client = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    server.curve_server, server.curve_secretkey = True, SECRET.encode()
    port = server.bind_to_random_port("tcp://127.0.0.1")
    client.linger = 0
    watch = HandshakeWatch(client)
    assert watch.failure() is None
    client.connect(f"tcp://127.0.0.1:{port}")
    assert watch._events.poll(20_000)
    event, value = watch.failure()
    assert "takes encrypted connections only" in Refusals(HERE, None).reason((event, value))
    watch.close()
    context.destroy(linger=0)

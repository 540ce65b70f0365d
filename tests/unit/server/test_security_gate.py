"""Who is let in follows the files, at once, and a file that is wrong changes nothing."""

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85

from protocol import DEFAULT_LIMITS
from server.config import build
from server.errors import EndpointRefusedError, KeysError, NotPrivateError
from server.security.allowed_keys import AllowList
from server.security.gate import Gate
from server.security.keys import KeyStore
from server.security.private_files import write_private
from server.server import Server
from server.transport.mailbox import Mailbox
from server.transport.transport import Transport
from server.transport.zap import DOMAIN, ZapHandler, judge

RAW = [bytes([number]) * 32 for number in range(1, 5)]
KEYS = [z85.encode(raw).decode() for raw in RAW]


@pytest.fixture
def directory(tmp_path):
    KeyStore(tmp_path / "keys").create("server")
    AllowList(tmp_path / "keys").allow(KEYS[0], "laptop")
    return tmp_path / "keys"


@pytest.fixture
def gate(directory):
    return Gate(directory)


def request(credential=RAW[0], domain=DOMAIN, mechanism=b"CURVE", version=b"1.0"):
    return [version, b"1", domain, b"10.0.0.7", b"", mechanism, credential]


def test_a_listed_key_is_let_in_under_its_own_name(gate):
    verdict = judge(gate, request())
    assert (verdict.status, verdict.user_id, verdict.name) == (b"200", KEYS[0].encode(), "laptop")


@pytest.mark.parametrize(
    "wrong",
    [
        request(RAW[1]),
        request(RAW[0][:-1]),
        request(b""),
        request(domain=b""),
        request(domain=b"*"),
        request(domain=b"phoenix"),
        request(mechanism=b"NULL"),
        request(mechanism=b"PLAIN"),
        request(version=b"2.0"),
        request()[:-1],
        [*request(), b"more"],
        [],
    ],
)
def test_whatever_is_not_exactly_right_is_refused_with_a_status(gate, wrong):
    verdict = judge(gate, wrong)
    assert verdict.status in {b"400", b"500"}
    assert verdict.text
    assert verdict.user_id == b""


@given(frames=st.lists(st.binary(max_size=40), max_size=9))
def test_no_request_of_any_form_raises_or_is_let_in(tmp_path_factory, frames):
    directory = tmp_path_factory.mktemp("k") / "keys"
    KeyStore(directory).create("server")
    AllowList(directory).allow(KEYS[0], "laptop")
    assert judge(Gate(directory), frames).status != b"200"


def test_a_change_of_the_list_counts_from_the_next_reload(gate, directory):
    AllowList(directory).allow(KEYS[1], "tablet")
    assert gate.name_of(KEYS[1]) is None
    changes = gate.reload()
    assert (changes.admitted, changes.revoked, changes.problems) == (("tablet",), (), ())
    assert gate.name_of(KEYS[1]) == "tablet"
    AllowList(directory).revoke("laptop")
    assert gate.reload().revoked == ("laptop",)
    assert gate.name_of(KEYS[0]) is None


def test_nothing_changed_is_nothing_reloaded(gate):
    changes = gate.reload()
    assert (changes.is_key_new, changes.admitted, changes.revoked) == (False, (), ())
    assert changes.problems == ()


def test_the_last_client_revoked_leaves_nobody_rather_than_everybody(gate, directory):
    AllowList(directory).revoke("laptop")
    assert gate.reload().revoked == ("laptop",)
    assert judge(gate, request()).status == b"400"


def test_a_rotated_key_is_taken_in(gate, directory):
    old, new = gate.pair, KeyStore(directory).prepare("server")
    assert not gate.reload().is_key_new
    KeyStore(directory).rotate("server")
    assert gate.reload().is_key_new
    assert gate.pair == new != old


def spoil_list(directory):
    write_private(AllowList(directory).path, "*\n")


def open_list(directory):
    AllowList(directory).path.chmod(0o644)


def remove_list(directory):
    AllowList(directory).path.unlink()


def spoil_key(directory):
    write_private(KeyStore(directory).path("server"), "x")


def open_key(directory):
    KeyStore(directory).path("server").chmod(0o640)


def remove_key(directory):
    KeyStore(directory).path("server").unlink()


SPOILERS = [spoil_list, open_list, remove_list, spoil_key, open_key, remove_key]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_file_that_goes_wrong_while_running_changes_nothing_and_is_told_once(
    gate, directory, spoil
):
    pair = gate.pair
    spoil(directory)
    changes = gate.reload()
    assert len(changes.problems) == 1
    assert (changes.is_key_new, changes.admitted, changes.revoked) == (False, (), ())
    assert (gate.pair, gate.name_of(KEYS[0]), gate.name_of(KEYS[1])) == (pair, "laptop", None)
    assert gate.reload().problems == ()


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_server_for_others_does_not_start_with_a_wrong_file(directory, spoil):
    spoil(directory)
    config = build({"endpoint": "tcp://0.0.0.0:*", "keys": str(directory), "model": "fixed-gains"})
    with pytest.raises((KeysError, NotPrivateError)):
        Server(config).start()


def test_curve_without_an_allow_list_would_admit_every_key_and_is_refused(tmp_path):
    KeyStore(tmp_path / "keys").create("server")
    with pytest.raises(KeysError, match="no client is allowed"):
        Gate(tmp_path / "keys")


def test_no_transport_listens_for_other_machines_without_a_gate(tmp_path):
    """The last line of defence: whatever the configuration said."""
    config, mailbox = build({"endpoint": "tcp://0.0.0.0:*"}), Mailbox()
    with pytest.raises(EndpointRefusedError, match="no loopback"):
        Transport(config.endpoint, config.queues, DEFAULT_LIMITS, mailbox, None)
    mailbox.close()


def test_without_a_handler_libzmq_lets_nobody_in(directory):
    """ZAP_ENFORCE_DOMAIN: were our handler ever gone, CURVE alone would admit every key."""
    gate = Gate(directory)
    client = KeyStore(directory).create("client")
    with zmq.Context() as context, zmq.Context() as other:
        server = context.socket(zmq.ROUTER)
        guard_without_handler(server, gate)
        server.bind("tcp://127.0.0.1:*")
        dealer = other.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.curve_serverkey = gate.pair.public.encode()
        dealer.curve_publickey = client.public.encode()
        dealer.curve_secretkey = client.secret.encode()
        dealer.connect(server.last_endpoint)
        dealer.send(b"let me in")
        assert server.poll(300) == 0
        server.close(0)
        dealer.close(0)


def guard_without_handler(socket, gate):
    handler = ZapHandler.__new__(ZapHandler)
    handler._gate = gate
    handler.guard(socket)

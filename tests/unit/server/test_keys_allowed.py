"""The allow-list holds what was put on it, and a malformed line is never a client."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85

from server.errors import KeysError, NotPrivateError
from server.security.allowed_keys import AllowList
from server.security.private_files import write_private

KEYS = [z85.encode(bytes([number]) * 32).decode() for number in range(1, 5)]


@pytest.fixture
def allowed(tmp_path):
    return AllowList(tmp_path / "keys")


def test_no_file_allows_nobody(allowed):
    assert allowed.read() == {}


def test_a_client_is_let_in_renamed_and_let_in_no_more(allowed):
    allowed.allow(KEYS[0], "studio laptop")
    allowed.allow(KEYS[1], " tablet ")
    assert allowed.read() == {KEYS[0]: "studio laptop", KEYS[1]: "tablet"}
    allowed.allow(KEYS[0], "old laptop")
    assert allowed.revoke("old laptop") == KEYS[0]
    assert allowed.revoke(KEYS[1]) == KEYS[1]
    assert allowed.read() == {}


def test_the_file_is_private_and_refused_when_it_is_not(allowed):
    allowed.allow(KEYS[0], "a")
    assert stat.S_IMODE(allowed.path.stat().st_mode) == 0o600
    allowed.path.chmod(0o620)
    with pytest.raises(NotPrivateError, match="mode 0620"):
        allowed.read()


def test_revoking_a_stranger_is_an_error(allowed):
    allowed.allow(KEYS[0], "a")
    with pytest.raises(KeysError, match="not on the list"):
        allowed.revoke("b")
    assert allowed.read() == {KEYS[0]: "a"}


@pytest.mark.parametrize(
    ("key", "name"), [("short", "a"), (KEYS[0], ""), (KEYS[0], "x" * 65), (KEYS[0], "a\nb")]
)
def test_what_cannot_be_a_line_is_not_written(allowed, key, name):
    with pytest.raises(KeysError, match=r"expected|allowed"):
        allowed.allow(key, name)
    assert not allowed.path.exists()


def test_a_name_stands_for_one_key(allowed):
    allowed.allow(KEYS[0], "a")
    with pytest.raises(KeysError, match="another key's"):
        allowed.allow(KEYS[1], "a")
    allowed.allow(KEYS[0], "a")


def test_comments_and_empty_lines_are_skipped_and_names_may_be_missing(allowed):
    allowed.path.parent.mkdir(mode=0o700)
    write_private(allowed.path, f"; friends\n\n  \n{KEYS[0]}\n{KEYS[1]} a b\n")
    assert allowed.read() == {KEYS[0]: "", KEYS[1]: "a b"}


@pytest.mark.parametrize("line", ["*", "any", KEYS[0][:-1], f"name {KEYS[0]}", f"{KEYS[0]}x y"])
def test_a_malformed_line_is_named(allowed, line):
    allowed.path.parent.mkdir(mode=0o700)
    write_private(allowed.path, f"{KEYS[1]} good\n{line}\n")
    with pytest.raises(KeysError, match="line 2"):
        allowed.read()


@given(
    clients=st.dictionaries(
        st.binary(min_size=32, max_size=32).map(lambda key: z85.encode(key).decode()),
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=64),
        max_size=5,
    )
)
def test_what_is_written_is_read(tmp_path_factory, clients):
    allowed = AllowList(tmp_path_factory.mktemp("list") / "keys")
    named = {name: key for key, name in clients.items()}
    for name, key in named.items():
        allowed.allow(key, name)
    assert allowed.read() == {key: name for name, key in named.items()}

"""Secret keys lie in files that nobody else can open, or are not used at all."""

import os
import stat

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85

from server.errors import KeysError, NotPrivateError
from server.security.keys import KeyStore, default_keys_directory, is_key, public_of
from server.security.private_files import (
    create_private,
    make_private_directory,
    read_private,
    write_private,
)


@pytest.fixture
def store(tmp_path):
    return KeyStore(tmp_path / "keys")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_a_new_pair_lies_in_a_file_of_mode_0600_whatever_the_umask(tmp_path, umask):
    directory = tmp_path / "keys"
    directory.mkdir(mode=0o700)
    before = os.umask(umask)
    try:
        pair = KeyStore(directory).create("server")
    finally:
        os.umask(before)
    path = directory / "server.key"
    assert (mode(path), mode(directory)) == (0o600, 0o700)
    assert path.read_text() == f"{pair.secret}\n"
    assert [entry.name for entry in directory.iterdir()] == ["server.key"]


def test_the_directory_is_made_with_mode_0700(store):
    store.create("server")
    assert mode(store.directory) == 0o700


def test_a_pair_is_read_back_and_its_halves_belong_together(store):
    pair = store.create("server")
    assert store.load("server") == pair
    assert public_of(pair.secret) == pair.public
    assert zmq.curve_public(pair.secret.encode()) == pair.public.encode()


def test_no_public_key_looks_like_an_option(store, monkeypatch):
    pairs = [(b"-" + b"0" * 39, b"1" * 40), (b"2" * 40, b"3" * 40)]
    monkeypatch.setattr(zmq, "curve_keypair", lambda: pairs.pop(0))
    assert store.create("server").public == "2" * 40


def test_a_secret_is_never_shown(store):
    pair = store.create("server")
    assert pair.secret not in repr(pair)
    assert pair.public in repr(pair)


def test_a_pair_that_is_there_is_never_replaced(store):
    pair = store.create("server")
    with pytest.raises(KeysError, match="there already and is kept"):
        store.create("server")
    assert store.load("server") == pair
    assert store.names() == ["server"]


@pytest.mark.parametrize("open_mode", [0o604, 0o640, 0o644, 0o666, 0o400, 0o700])
def test_a_file_of_any_other_mode_is_refused(store, open_mode):
    store.create("server")
    store.path("server").chmod(open_mode)
    if os.getuid() and not open_mode & 0o400:
        pytest.skip("the file cannot be read at all")
    with pytest.raises(NotPrivateError, match=f"has mode {open_mode:04o}: 0600 needed"):
        store.load("server")


@pytest.mark.parametrize("open_mode", [0o701, 0o710, 0o755, 0o777])
def test_a_directory_of_any_other_mode_is_refused(store, open_mode):
    store.create("server")
    store.directory.chmod(open_mode)
    with pytest.raises(NotPrivateError, match=f"has mode {open_mode:04o}: 0700 needed; chmod 700"):
        store.load("server")
    with pytest.raises(NotPrivateError, match="0700 needed"):
        store.create("client")


def test_another_users_file_is_refused(store, monkeypatch):
    store.create("server")
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(NotPrivateError, match="another user"):
        read_private(store.path("server"))


def test_links_pipes_and_directories_are_no_keys(store, tmp_path):
    store.create("server")
    (store.directory / "link.key").symlink_to(store.path("server"))
    os.mkfifo(store.directory / "pipe.key", 0o600)
    (store.directory / "directory.key").mkdir(mode=0o600)
    for name in ("link", "pipe", "directory"):
        with pytest.raises(NotPrivateError):
            store.load(name)
    (tmp_path / "elsewhere").symlink_to(store.directory)
    with pytest.raises(NotPrivateError, match="not a directory"):
        KeyStore(tmp_path / "elsewhere").load("server")


def test_a_directory_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotPrivateError, match="file"):
        make_private_directory(tmp_path / "file" / "keys")


def test_a_missing_pair_says_how_to_make_it(store):
    store.create("client")
    with pytest.raises(KeysError, match="phoenix-stems keys create server"):
        store.load("server")
    with pytest.raises(NotPrivateError, match="No such file"):
        KeyStore(store.directory / "none").load("server")


@pytest.mark.parametrize("text", ["", "short", "x" * 41, "~" * 40, "#" * 40, "\n", "\x00" * 40])
def test_what_is_no_key_is_refused(store, text):
    store.create("server")
    write_private(store.path("server"), text)
    with pytest.raises(KeysError, match="40 characters of Z85"):
        store.load("server")


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a.next", "x" * 65, "ü"])
def test_names_cannot_leave_the_directory(store, name):
    with pytest.raises(KeysError, match="letters, digits"):
        store.create(name)


def test_rotation_takes_the_pair_that_was_prepared_and_forgets_the_old_one(store):
    old = store.create("server")
    prepared = store.prepare("server")
    assert store.load("server") == old, "preparing changes nothing yet"
    assert store.public_keys() == {"server": old.public, "server.next": prepared.public}
    assert store.rotate("server") == prepared
    assert store.load("server") == prepared
    assert store.names() == ["server"]
    assert old.secret not in "".join(path.read_text() for path in store.directory.iterdir())


def test_rotation_without_preparation_is_refused_and_changes_nothing(store):
    pair = store.create("server")
    with pytest.raises(KeysError, match="phoenix-stems keys next server"):
        store.rotate("server")
    assert store.load("server") == pair


def test_only_a_pair_that_is_in_use_can_be_prepared_for_and_only_once(store):
    store.create("client")
    with pytest.raises(KeysError, match="keys create server"):
        store.prepare("server")
    prepared = store.prepare("client")
    with pytest.raises(KeysError, match="keys rotate client"):
        store.prepare("client")
    assert store.rotate("client") == prepared


def test_a_write_that_fails_leaves_what_was_there_and_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_private(path, "before")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write in (write_private, create_private):
        with pytest.raises(OSError, match="No space"):
            write(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_default_directory_follows_the_users_configuration(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_keys_directory() == tmp_path / "phoenix-stems" / "keys"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert str(default_keys_directory()).endswith("/.config/phoenix-stems/keys")


@given(key=st.binary(min_size=32, max_size=32))
def test_every_32_bytes_are_a_key(key):
    assert is_key(z85.encode(key).decode())


# Without NUL, which ends a text for libzmq: we refuse what it would not read to the end.
@given(
    text=st.text(
        alphabet=st.characters(min_codepoint=1, max_codepoint=127), min_size=40, max_size=40
    )
)
def test_text_is_a_key_exactly_when_libzmq_can_decode_it(text):
    try:
        decodable = len(zmq.curve_public(text.encode())) == 40
    except (zmq.ZMQError, ValueError):
        decodable = False
    assert is_key(text) == decodable

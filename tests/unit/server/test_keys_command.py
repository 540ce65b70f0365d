"""``phoenix-stems keys`` and the options that use what it makes."""

import argparse
from pathlib import Path

from server.commands import main
from server.commands.key_options import add_key_options, key_arguments
from server.security.allowed_keys import AllowList
from server.security.keys import KeyStore


def keys(capsys, directory, *arguments):
    """Run one action; returns the exit code and what it printed."""
    code = main(["keys", "--keys", str(directory), *arguments])
    captured = capsys.readouterr()
    return code, captured.out.split(), captured.err


def test_the_way_from_a_new_key_to_a_revoked_one(tmp_path, capsys):
    directory = tmp_path / "keys"
    _, (server,), _ = keys(capsys, directory, "create", "server")
    _, (client,), _ = keys(capsys, directory, "create", "client")
    assert server == KeyStore(directory).load("server").public
    assert keys(capsys, directory, "allow", client, "laptop") == (0, [], "")
    assert keys(capsys, directory, "allowed")[1] == [client, "laptop"]
    _, (coming,), _ = keys(capsys, directory, "next", "server")
    assert keys(capsys, directory, "rotate", "server")[1] == [coming]
    assert keys(capsys, directory, "show")[1] == [client, "client", coming, "server"]
    assert keys(capsys, directory, "revoke", "laptop")[1] == [client]
    assert AllowList(directory).read() == {}


def test_no_action_prints_a_secret(tmp_path, capsys):
    directory = tmp_path / "keys"
    said = []
    for action in (["create", "server"], ["next", "server"], ["show"], ["rotate", "server"]):
        said += keys(capsys, directory, *action)[1]
    assert KeyStore(directory).load("server").secret not in said


def test_what_cannot_be_done_is_one_line_and_an_exit_code(tmp_path, capsys):
    code, _, error = keys(capsys, tmp_path, "revoke", "nobody")
    assert code == 1
    assert error.count("\n") == 1
    assert "not on the list" in error


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_key_options(parser)
    return key_arguments(parser.parse_args(arguments))


def test_keys_are_used_for_a_server_elsewhere_only():
    assert parsed() == {}
    assert parsed("--server-key", "k", "--client-key", "f") == {
        "server_key": "k",
        "client_key": Path("f"),
    }
    assert parsed("--server-key", "k")["client_key"].name == "client.key"

"""The native header is the generated one, agrees with the protocol, and compiles."""

import re
import shutil
import subprocess
from dataclasses import asdict

import msgpack
import pytest

from protocol import DEFAULT_LIMITS, ERRORS_BY_CODE, MAJOR, MINOR, MessageKind, encode
from protocol.c_header import HEADER, key_names, main, render
from protocol.golden import EXACT

TEXT = HEADER.read_text()
MACROS = dict(re.findall(r"^#define PHOENIX_(\w+) (.+)$", TEXT, re.MULTILINE))


def with_prefix(prefix):
    return {name: value.strip('"') for name, value in MACROS.items() if name.startswith(prefix)}


def test_header_on_disk_is_the_generated_one():
    assert render() == TEXT, "run `python -m protocol.c_header`"


def test_header_is_printed_on_request(capsys):
    main(["-"])
    assert capsys.readouterr().out == TEXT


def test_header_has_the_version():
    assert (MACROS["PROTOCOL_MAJOR"], MACROS["PROTOCOL_MINOR"]) == (str(MAJOR), str(MINOR))


def test_header_has_every_type_and_no_other():
    assert set(with_prefix("TYPE_").values()) == set(MessageKind)


def keys_within(value):
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from keys_within(item) if key != "gains_db" else ()
    elif isinstance(value, list):
        for item in value:
            yield from keys_within(item)


def test_header_has_every_key_of_the_golden_messages_and_no_other():
    headers = [msgpack.unpackb(encode(message)[0]) for message in EXACT.values()]
    sent = set(keys_within(headers))
    assert set(with_prefix("KEY_").values()) == sent == set(key_names())


def test_header_has_every_limit():
    for name, value in asdict(DEFAULT_LIMITS).items():
        assert MACROS[name.upper()] == str(value)


def test_header_has_every_code_as_number_and_text():
    numbers = dict(re.findall(r"PHOENIX_ERROR_(\w+) = (\d+)", TEXT))
    texts = {name.removeprefix("CODE_"): code for name, code in with_prefix("CODE_").items()}
    assert set(texts.values()) == set(ERRORS_BY_CODE)
    assert {name: f"E{int(number):03d}" for name, number in numbers.items()} == texts
    for name, code in texts.items():
        assert name.replace("_", "") == ERRORS_BY_CODE[code].__name__.upper()


@pytest.mark.parametrize(
    ("compiler", "options"), [("cc", ["-std=c11", "-x", "c"]), ("c++", ["-std=c++17", "-x", "c++"])]
)
def test_header_compiles(compiler, options, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"no `{compiler}` on PATH: install a compiler (Debian: build-essential)")
    source = tmp_path / "user.source"
    source.write_text(
        f'#include "{HEADER}"\n#include "{HEADER}"\n'
        "int position_fits(long long p) { return p <= PHOENIX_POSITION_MAX; }\n"
        "enum phoenix_error last = PHOENIX_ERROR_SERVER_FULL;\n"
        "const char *kind = PHOENIX_TYPE_HELLO;\n"
    )
    command = [compiler, *options, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr

"""What writes the golden vectors and the native header, and what fields say of themselves."""

import msgpack
import pytest

from protocol import Error, InvalidField, Set, c_header, decode, encode, golden
from protocol.fields import Integer, Maybe
from protocol.golden import EXACT, VECTORS


def test_the_vectors_are_written_whole_and_what_is_none_goes(tmp_path, monkeypatch):
    folder = tmp_path / "vectors"
    monkeypatch.setattr(golden, "VECTORS", folder)
    golden.main()
    stranger = folder / "no_longer.bin"
    stranger.write_bytes(b"x")
    (folder / "ping.bin").write_bytes(b"damaged")
    golden.main()
    assert not stranger.exists()
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written == {path.name: path.read_bytes() for path in VECTORS.iterdir()}


def test_the_header_is_written_or_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(c_header, "HEADER", tmp_path / "header.h")
    c_header.main(["-"])
    assert not c_header.HEADER.exists()
    c_header.main([])
    assert capsys.readouterr().out == c_header.HEADER.read_text() == c_header.render()


def test_an_optional_field_allows_what_its_inner_one_does():
    assert Maybe(Integer(high=5)).allowed == "0 to 5"
    assert Maybe(Integer(high=5, limit="maximum_stems")).has_limit
    assert not Maybe(Integer(high=5)).has_limit


@pytest.mark.parametrize("models", [5, {}, "rocknet", [5], [[]], [None]])
def test_a_list_of_maps_is_nothing_else(models):
    header = msgpack.unpackb(encode(EXACT["welcome"])[0]) | {"models": models}
    with pytest.raises(InvalidField, match=r"welcome\.models.* given; (list of )?map, "):
        decode([msgpack.packb(header)])


def test_the_place_in_a_list_of_maps_is_told():
    header = msgpack.unpackb(encode(EXACT["welcome"])[0])
    header["models"] += [7]
    with pytest.raises(InvalidField, match=r"welcome\.models\[1\]: 7 given"):
        decode([msgpack.packb(header)])


def test_an_error_without_a_stream_writes_none():
    assert "stream" not in msgpack.unpackb(encode(Error("E104", "hello must come first"))[0])


def test_whole_decibels_are_written_as_floats():
    assert encode(Set(1, {"vocals": -6})) == encode(Set(1, {"vocals": -6.0}))
    assert type(msgpack.unpackb(encode(Set(1, {"vocals": -6}))[0])["gains_db"]["vocals"]) is float


@pytest.mark.parametrize("gains_db", [5, [], "vocals", None, {"": 1.0}, {5: 1.0}, {("a",): 1.0}])
def test_gains_are_a_map_of_names(gains_db):
    with pytest.raises(InvalidField, match=r"set\.gains_db: .* map of str to float, 0 to maximum"):
        Set(1, gains_db)

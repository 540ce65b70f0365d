"""The doctor's findings: each says what works, and what to do where something does not."""

import dataclasses
import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from dsp.errors import WeightsCorruptError, WeightsMissingError
from dsp.networks.byte_products import Instructions
from dsp.networks.registry import load_model
from plugin_bridge import BridgeError
from server.commands import doctor, main
from server.commands.doctor import Performance
from server.commands.rehearsal import Rehearsal
from server.errors import EndpointInUseError, EndpointRefusedError

RATE_HZ = 44_100


def performance(p99_ms, hop_ms=11.6):
    return Performance("fixed-gains", "live", RATE_HZ, hop_ms, p99_ms / 2, p99_ms, 0.5)


@pytest.fixture
def rehearsals(monkeypatch):
    """Stands for rehearsals: what each finds, and what it was asked."""
    stand_in = SimpleNamespace(found=Rehearsal(768, 2048, 0), asked=[])
    server = SimpleNamespace(endpoint="ipc:///there")
    monkeypatch.setattr(doctor, "EmbeddedServer", lambda **_: nullcontext(server))
    monkeypatch.setattr(
        doctor, "rehearse", lambda _, **how: (stand_in.asked.append(how), stand_in.found)[1]
    )
    return stand_in


def raising(error):
    def fail(*_):
        raise error

    return fail


@pytest.mark.parametrize(("cores", "works"), [({0}, False), ({0, 5}, True), ({0, 1, 2}, True)])
def test_one_core_is_too_few_however_many_the_machine_has(monkeypatch, cores, works):
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: cores)
    finding = doctor._cores()
    assert finding.works is works
    assert finding.detail.startswith(str(len(cores)))
    assert ("two keep audio and inference apart" in finding.detail) is not works


def test_a_server_that_runs_already_is_good_news(monkeypatch):
    monkeypatch.setattr(doctor, "prepare_endpoint", raising(EndpointInUseError("in use")))
    finding = doctor._ipc()
    assert finding.works
    assert "where a server is running" in finding.detail


def test_a_directory_that_others_can_read_is_named(monkeypatch):
    error = EndpointRefusedError("directory /run/x has mode 0755: 0700 needed; chmod 700 it")
    monkeypatch.setattr(doctor, "prepare_endpoint", raising(error))
    finding = doctor._ipc()
    assert not finding.works
    assert "chmod 700" in finding.detail


@pytest.mark.parametrize(
    ("module", "library", "works", "told"),
    [
        (None, None, False, "pip install 'phoenix-stems[jack]'"),
        (None, "libjack.so.0", False, "pip install 'phoenix-stems[jack]'"),
        ("spec", None, False, "apt: libjack-jackd2-0"),
        ("spec", "libjack.so.0", True, "found"),
    ],
)
def test_what_jack_lacks_is_named_with_what_to_install(monkeypatch, module, library, works, told):
    monkeypatch.setattr(doctor, "find_spec", lambda name: module if name == "jack" else None)
    monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda _: library)
    finding = doctor._jack()
    assert finding.works is works
    assert told in finding.detail


@pytest.mark.parametrize(("is_there", "told"), [(True, "a card (not needed)"), (False, "none")])
def test_a_gpu_is_told_and_not_needed(monkeypatch, is_there, told):
    monkeypatch.setattr("torch.cuda.is_available", lambda: is_there)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _: "a card")
    finding = doctor._gpu()
    assert finding.works is is_there
    assert told in finding.detail
    assert "not needed" in finding.detail


@pytest.mark.parametrize(
    ("p99_ms", "code", "mark"), [(5.0, 0, "ok"), (11.6, 1, "no"), (30.0, 1, "no")]
)
@pytest.mark.usefixtures("rehearsals")
def test_the_exit_code_says_whether_live_separation_holds(  # noqa: PLR0917 -- by name
    monkeypatch, tmp_path, capsys, p99_ms, code, mark
):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(doctor, "measure", lambda *_: performance(p99_ms))
    file = tmp_path / "doctor.json"
    assert main(["doctor", "--model", "fixed-gains", "--json", str(file)]) == code
    rows = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    assert rows["speed"].startswith(mark)
    assert f"p99 {p99_ms:.1f} ms" in rows["speed"]
    assert ("2048 samples" in rows["latency"]) == (code == 0)
    assert [each["p99_ms"] for each in json.loads(file.read_text())["performance"]] == [p99_ms]


@pytest.mark.usefixtures("rehearsals")
def test_a_model_with_other_forms_is_told_of_all_and_the_code_is_of_live(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    times_ms = {"live": 30.0, "live-light": 3.0, "live-short": 4.0}
    monkeypatch.setattr(
        doctor,
        "measure",
        lambda _, name: dataclasses.replace(performance(times_ms[name]), profile=name),
    )
    file = tmp_path / "doctor.json"
    assert main(["doctor", "--model", "phoenix", "--json", str(file)]) == 1
    text = capsys.readouterr().out
    assert "no  speed     live hop of 11.6 ms" in text
    assert "ok  speed     live-light hop of 11.6 ms" in text
    measured = json.loads(file.read_text())["performance"]
    assert [(each["profile"], each["p99_ms"]) for each in measured] == [*times_ms.items()]


@pytest.mark.parametrize("error", [WeightsMissingError, WeightsCorruptError])
def test_weights_that_cannot_be_used_are_a_finding_beside_the_others(
    monkeypatch, tmp_path, capsys, error
):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(doctor, "load_model", raising(error("run: pip install weights")))
    file = tmp_path / "doctor.json"
    assert main(["doctor", "--json", str(file)]) == 1
    assert "no  weights   run: pip install weights" in capsys.readouterr().out
    written = json.loads(file.read_text())
    assert written["performance"] == []
    assert [finding["name"] for finding in written["findings"]] == [
        "cores", "int8", "ipc", "jack", "gpu", "weights",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("there", "detail"),
    [
        ((Instructions.AVX_VNNI,), "AVX-VNNI; Phoenix live computes in eight bits"),
        ((), "none of AMX, AVX512-VNNI, AVX-VNNI; Phoenix live computes in 32 bits"),
    ],
)
def test_it_says_in_how_many_bits_live_computes(monkeypatch, there, detail):
    monkeypatch.setattr(doctor, "available_instructions", lambda: there)
    finding = doctor._eight_bits()
    assert finding.works is bool(there)
    assert finding.detail == detail


def test_the_smallest_latency_is_what_held_in_a_rehearsal(rehearsals):
    rehearsals.found = Rehearsal(round_trip_samples=300, latency_samples=1580, late_blocks=0)
    rehearsed = doctor._rehearsed(load_model("fixed-gains"), performance(3.0), 2.0)
    assert rehearsed.smallest_latency_samples == 1580
    assert rehearsals.asked == [{"rate_hz": 44_100, "block_frames": 256, "seconds": 2.0}]
    finding = doctor._latency(rehearsed)
    assert finding.works
    assert "1580 samples (35.8 ms)" in finding.detail


@pytest.mark.parametrize("late", [0, 2])
def test_where_nothing_holds_no_latency_is_named(rehearsals, late):
    """Too slow for any, or late in the rehearsal."""
    rehearsals.found = Rehearsal(300, 1580, late)
    too_slow = performance(3.0 if late else 30.0)
    rehearsed = doctor._rehearsed(load_model("fixed-gains"), too_slow, 2.0)
    assert rehearsed.smallest_latency_samples is None
    assert len(rehearsals.asked) == (1 if late else 0)
    assert not doctor._latency(rehearsed).works


def test_a_server_that_does_not_start_is_a_finding(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(doctor, "measure", lambda *_: performance(3.0))
    monkeypatch.setattr(doctor, "_rehearsed", raising(BridgeError("the server ended")))
    assert main(["doctor", "--model", "fixed-gains"]) == 1
    text = capsys.readouterr().out
    assert "ok  speed" in text
    assert "no  latency   the server ended" in text


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_rehearsal_lasts_a_second_at_least(capsys, seconds):
    with pytest.raises(SystemExit):
        main(["doctor", f"--seconds={seconds}"])
    assert "1 or more" in capsys.readouterr().err

"""Stand-ins let an import pass, no more: what is used raises, what is not listed is real."""

import subprocess
import sys

import pytest

from benchmarks.peers_stand_ins import UNUSED, StandInUsedError, _StandIn, allow_unused_imports


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """Keep this process's imports as they are for other tests."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    before = {name: module for name, module in sys.modules.items() if _is_unused(name)}
    for name in before:
        del sys.modules[name]
    yield
    for name in [name for name in sys.modules if _is_unused(name)]:
        del sys.modules[name]
    sys.modules.update(before)


def _is_unused(name):
    return name.partition(".")[0] in UNUSED


def test_names_and_modules_of_the_listed_packages_can_be_imported():
    allow_unused_imports()
    from torchaudio import transforms  # noqa: PLC0415
    from torchaudio.functional import resample  # noqa: PLC0415
    from torchcodec.encoders import AudioEncoder  # noqa: PLC0415

    with pytest.raises(StandInUsedError, match=r"torchaudio.transforms.Spectrogram"):
        transforms.Spectrogram(512)
    with pytest.raises(StandInUsedError, match=r"torchaudio.functional.resample"):
        resample([0.0], 44_100, 48_000)
    with pytest.raises(StandInUsedError, match="AudioEncoder"):
        AudioEncoder()


def test_what_inherits_from_a_stand_in_raises():
    allow_unused_imports()
    from musdb import DB  # noqa: PLC0415

    with pytest.raises(StandInUsedError, match=r"musdb\.DB"):

        class Songs(DB):
            pass


def test_packages_that_are_there_are_replaced_too_so_that_all_machines_run_the_same():
    allow_unused_imports()
    import matplotlib.pyplot  # noqa: ICN001, PLC0415

    assert isinstance(matplotlib.pyplot, _StandIn)


def test_other_packages_are_what_they_are():
    allow_unused_imports()
    with pytest.raises(ModuleNotFoundError):
        import no_such_package  # noqa: F401, PLC0415


def test_asking_twice_puts_one_finder_in_front():
    allow_unused_imports()
    finders = len(sys.meta_path)
    allow_unused_imports()
    assert len(sys.meta_path) == finders


def test_our_own_parts_import_none_of_them_so_nothing_of_ours_runs_on_stand_ins():
    code = "import sys, benchmarks.peers; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & set(UNUSED)

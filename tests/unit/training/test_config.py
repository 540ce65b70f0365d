import pytest

from dsp.training.config import OptimiserConfig, Precision, RunConfig, load_config
from dsp.training.errors import TrainingConfigError

LEAST = 'folder = "run"\n[data]\nfolders = ["a"]\ncache = "c"\n'


def load(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text)
    return load_config(path)


def test_what_is_not_set_has_its_default(tmp_path):
    config = load(tmp_path, LEAST)
    assert config.optimiser == OptimiserConfig()
    assert config.data.folders == ("a",)


def test_every_kind_of_setting_is_read(tmp_path):
    text = "seed = 7\nvalidate_minutes = 2\n" + LEAST
    text += "[draw]\nvoice_over_band_db = [-2, 3.5]\nsong_weights = {stems = 1}\n"
    text += '[optimiser]\nprecision = "bfloat16"\n'
    config = load(tmp_path, text)
    assert isinstance(config, RunConfig)
    assert config.seed == 7
    assert isinstance(config.validate_minutes, float)
    assert config.draw.voice_over_band_db == (-2.0, 3.5)
    assert config.draw.song_weights == {"stems": 1.0}
    assert config.optimiser.precision is Precision.BFLOAT16


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ("[optimiser]\nbatches = 3", r"optimiser\.batches: unknown"),
        ("[optimiser]\nbatch = 3.5", r"optimiser\.batch: 3\.5"),
        ('[optimiser]\npeak_rate = "fast"', r"optimiser\.peak_rate"),
        ("[optimiser]\nbatch = true", r"optimiser\.batch"),
        ('[optimiser]\nprecision = "float8"', r"optimiser\.precision: 'float8'; .*bfloat16"),
        ("[optimiser]\nprecision = 16", r"optimiser\.precision: 16"),
        ("[draw]\nvoice_over_band_db = 3", r"draw\.voice_over_band_db"),
        ('[draw]\nvoice_over_band_db = ["a", 1.0]', r"draw\.voice_over_band_db"),
        ("draw = 3", "draw: a table"),
        ("= 3", "cannot be read as TOML"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, extra, named):
    text = f"{extra}\n{LEAST}" if extra.startswith(("draw =", "=")) else LEAST + extra
    with pytest.raises(TrainingConfigError, match=named):
        load(tmp_path, text)


def test_a_missing_setting_is_named(tmp_path):
    with pytest.raises(TrainingConfigError, match=r"data\.cache: missing"):
        load(tmp_path, 'folder = "run"\n[data]\nfolders = ["a"]\n')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TrainingConfigError, match=r"none\.toml"):
        load_config(tmp_path / "none.toml")

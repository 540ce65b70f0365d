"""Sounds to train on in tests."""

import numpy as np
import soundfile

RATE_HZ = 44100


def tone(hz, seconds, channels=2, level=0.2):
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return level * np.sin(2 * np.pi * hz * time)[:, None].repeat(channels, axis=1)


def write_audio(path, samples, rate_hz=RATE_HZ):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz)

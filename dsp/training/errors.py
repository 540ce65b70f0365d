"""Errors of training.

TrainingError
 |- TrainingConfigError   names the setting, its value and what is allowed
 |- TrainingDataError     a manifest, a folder or a file that cannot be used, and why
 |   `- EvaluationDataError  something kept for evaluation was about to be trained on
 `- CheckpointError       a checkpoint of another network or another configuration
"""

from dsp.errors import DspError


class TrainingError(DspError):
    """Anything that training raises on purpose."""


class TrainingConfigError(TrainingError, ValueError):
    """A setting that is missing, unknown or out of range."""


class TrainingDataError(TrainingError):
    """A manifest, folder or file that cannot be used."""


class EvaluationDataError(TrainingDataError):
    """Audio kept for evaluation was about to be trained on."""


class CheckpointError(TrainingError):
    """A checkpoint that does not belong to this run."""

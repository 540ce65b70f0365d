"""Errors of signal processing and models.

DspError
 |- SignalError          shape, rate, channel count or block length that a stage cannot take
 |- SeparatorError       a model gave samples that are not finite
 |- UnknownModelError    names the models there are
 |- UnknownProfileError  names the profiles of the model
 |- SeatsTakenError      a device has as many live streams as it takes
 |- DeviceMissingError   says what torch misses
 |- WeightsMissingError  says what to install
 `- WeightsCorruptError  names the file, the hash expected and the hash found
"""


class DspError(Exception):
    """Anything that ``dsp`` raises on purpose."""


class SignalError(DspError, ValueError):
    """Audio of a shape, rate or length that the stage cannot take."""


class SeparatorError(DspError, ArithmeticError):
    """A model gave samples that are not finite; its state cannot be trusted any more."""


class UnknownModelError(DspError, LookupError):
    """No model of that name is registered."""


class UnknownProfileError(DspError, LookupError):
    """The model has no profile of that name."""


class SeatsTakenError(DspError, RuntimeError):
    """A device has as many live streams as it takes."""


class DeviceMissingError(DspError, RuntimeError):
    """Torch finds no such device on this machine."""


class WeightsMissingError(DspError, FileNotFoundError):
    """The model's weights are not on this machine."""


class WeightsCorruptError(DspError, ValueError):
    """The weights are there, but are not the ones the model card names."""

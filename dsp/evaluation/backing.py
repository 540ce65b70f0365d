"""What becomes of backing vocals, which separators like to give to the band."""

from __future__ import annotations

from dsp.evaluation.metrics import product, usdr
from dsp.separator import FloatArray


def backing_scores(
    vocals: FloatArray, backing: FloatArray, estimate: FloatArray
) -> dict[str, float | None]:
    """Score the backing vocals within an estimate of all vocals; signals are [channel, sample].

    ``backing_recall``: the share of the backing's energy that is found, from the least-squares fit
    of the estimate by lead and backing (1 for all of it or more; opposite phase counts as none;
    None where both are the same signal). ``backing_usdr``: uSDR, in dB, of what is left of the
    estimate when the true lead is subtracted.
    """
    lead = vocals - backing
    return {
        "backing_recall": _recall(lead, backing, estimate),
        "backing_usdr": usdr(backing, estimate - lead),
    }


def _recall(lead: FloatArray, backing: FloatArray, estimate: FloatArray) -> float | None:
    leads, backs, both = product(lead, lead), product(backing, backing), product(lead, backing)
    determinant = leads * backs - both**2
    if leads == 0:
        share = product(backing, estimate) / backs
    elif determinant <= 1e-6 * leads * backs:
        return None
    else:
        found = leads * product(backing, estimate) - both * product(lead, estimate)
        share = found / determinant
    return min(max(share, 0.0), 1.0) ** 2

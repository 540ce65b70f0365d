"""A pytest plugin: what Hypothesis does under a mutant, so that only a failing law kills it."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, settings

MAXIMUM_EXAMPLES = 100  # where a test asks for more
_SETTINGS = "_hypothesis_internal_use_settings"  # Hypothesis has no other way to change them later

settings.register_profile(
    "mutation",
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    phases=[Phase.explicit, Phase.generate],  # one failure is enough: nobody reads the smallest
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Hold tests that ask for hundreds of examples to what a mutant is worth."""
    for item in items:
        own = getattr(item.obj, _SETTINGS, None)
        if own is not None and own.max_examples > MAXIMUM_EXAMPLES:
            setattr(item.obj, _SETTINGS, settings(own, max_examples=MAXIMUM_EXAMPLES))

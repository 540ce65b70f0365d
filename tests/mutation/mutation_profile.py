"""A pytest plugin: what Hypothesis does under a mutant, so that only a failing law kills it."""

from hypothesis import HealthCheck, Phase, settings

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

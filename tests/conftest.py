"""What holds for every test: Hypothesis without deadlines, since speed is no matter for unit tests."""

from hypothesis import settings

settings.register_profile("phoenix-stems", deadline=None, print_blob=True)
settings.load_profile("phoenix-stems")

"""What holds for every test: Hypothesis sets no deadlines, since unit tests never assert speed."""

from hypothesis import settings

settings.register_profile("phoenix-stems", deadline=None, print_blob=True)
settings.load_profile("phoenix-stems")

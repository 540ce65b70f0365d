"""Training: audio to mixtures, mixtures to losses, losses to weights.

``manifest`` says which files there are and keeps evaluation's apart; ``pcm_cache`` decodes each
once; ``mixer`` makes endless examples from a seed; ``teacher`` labels songs that have no stems;
``loop`` trains and resumes exactly; ``session`` puts a run together. Nothing that serves imports
this.
"""

"""Augmentations: small pure functions on [channel 2, frame] float32, each drawing from a given generator.

Each acts on one source before it is summed, so the stems always sum to the mixture; the same generator
state gives the same result.
"""

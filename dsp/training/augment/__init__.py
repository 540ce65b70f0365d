"""Augmentations: small pure functions on [channel 2, frame] float32.

Each draws from the generator it is given, so the same generator state gives the same result, and
acts on one source before it is summed, so the stems always sum to the mixture.
"""

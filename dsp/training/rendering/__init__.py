"""Songs rendered from MIDI: sound fonts play the band, voices of recordings sing the melody.

What comes of it is labelled by stem to the sample, and there is no end of it. `song` puts a song
together from a seed; `phoenix-stems render` writes a folder of them to train on.
"""

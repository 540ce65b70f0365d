/* Blocks of audio from one thread to another, each with the absolute position of its first frame. */
#ifndef PHOENIX_BLOCK_RING_H
#define PHOENIX_BLOCK_RING_H

#include "ring.h"

enum {
    BLOCK_PIECE_FRAMES = 1024, /* the most that a reader gets at once; writers' blocks are cut to it */
    BLOCK_MAXIMUM_CHANNELS = 2
};

typedef enum {
    BLOCK_AUDIO = 0,
    BLOCK_SEEK = 1 /* no samples: what follows begins at this position and knows no past */
} BlockKind;

typedef struct {
    int64_t position_samples;
    uint32_t frames;
    uint32_t kind; /* BlockKind */
} BlockHeader;

/* Bytes of a ring that holds this many frames, in blocks of block_frames or more. */
size_t block_ring_bytes(uint32_t channels, size_t frames, size_t block_frames);

/* Writer: puts in what there is room for, from the first frame on; returns the frames taken. */
uint32_t block_ring_write(Ring *ring, int64_t position_samples, const float *const *samples, uint32_t channels,
                          uint32_t frames) STEMS_NONBLOCKING;

/* Writer: false when there is no room. */
bool block_ring_write_seek(Ring *ring, int64_t position_samples) STEMS_NONBLOCKING;

/* Reader: the next piece, into samples[channel][BLOCK_PIECE_FRAMES]; false when there is none. */
bool block_ring_read(Ring *ring, BlockHeader *header, float *const *samples, uint32_t channels) STEMS_NONBLOCKING;

/* Reader: throws away what is there. */
void block_ring_drain(Ring *ring, uint32_t channels) STEMS_NONBLOCKING;

#endif

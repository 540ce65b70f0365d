/* A stem by absolute position: written as it arrives, read once, at the position that is due. A late stem is never played late. */
#ifndef PHOENIX_STEM_RING_H
#define PHOENIX_STEM_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "block_ring.h"

typedef struct {
    float *samples[BLOCK_MAXIMUM_CHANNELS]; /* [channel][capacity] */
    uint8_t *valid;                         /* [capacity]: has it arrived? */
    uint32_t channels;
    int64_t capacity_frames, read_samples, written_samples;
} StemRing;

bool stem_ring_create(StemRing *ring, uint32_t channels, int64_t capacity_frames); /* false without memory */
void stem_ring_destroy(StemRing *ring);

/* Forgets everything; the next read starts at this position. */
void stem_ring_reset(StemRing *ring, int64_t position_samples) STEMS_NONBLOCKING;

/* Moves the next read; keeps what has arrived and is still to come. */
void stem_ring_move(StemRing *ring, int64_t position_samples) STEMS_NONBLOCKING;

/* Keeps frames from the read position up to the capacity ahead of it; the rest is refused. */
void stem_ring_write(StemRing *ring, int64_t position_samples, const float *const *samples, uint32_t frames) STEMS_NONBLOCKING;

/* The next frames, and for each whether it arrived; one that did not is silence. */
void stem_ring_read(StemRing *ring, float *const *to, uint8_t *valid, uint32_t frames) STEMS_NONBLOCKING;

/* Whether all of these frames, from the read position or later on, have arrived. */
bool stem_ring_has(const StemRing *ring, int64_t position_samples, int64_t frames) STEMS_NONBLOCKING;

#endif

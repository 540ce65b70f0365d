/* A lock-free ring of bytes from one thread to another: one writer, one reader, no waiting on either side. */
#ifndef PHOENIX_RING_H
#define PHOENIX_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nonblocking.h"

typedef struct {
    uint8_t *bytes;
    size_t capacity;                    /* a power of two */
    _Alignas(64) _Atomic size_t written; /* bytes ever written; apart, so that the threads share no cache line */
    _Alignas(64) _Atomic size_t read;    /* bytes ever read */
} Ring;

typedef struct {
    const void *bytes;
    size_t length;
} RingPart;

/* Room for at least this many bytes, all zero; false without memory. Destroy is safe on a zeroed Ring. */
bool ring_create(Ring *ring, size_t minimum_bytes);
void ring_destroy(Ring *ring);

/* Writer: puts all parts in, visible to the reader at once, or nothing (false: no room). */
bool ring_write(Ring *ring, const RingPart *parts, size_t count) STEMS_NONBLOCKING;

/* Reader: copies the next bytes without taking them; false when there are fewer. */
bool ring_peek(const Ring *ring, void *to, size_t length) STEMS_NONBLOCKING;

/* Reader: takes the next bytes; `to` may be NULL to skip them. False, and nothing taken, when there are fewer. */
bool ring_read(Ring *ring, void *to, size_t length) STEMS_NONBLOCKING;

#endif

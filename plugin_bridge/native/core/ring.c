#include "ring.h"

#include <stdlib.h>
#include <string.h>

bool ring_create(Ring *ring, size_t minimum_bytes)
{
    size_t capacity = 64;
    while (capacity < minimum_bytes) {
        capacity *= 2;
    }
    ring->bytes = calloc(1, capacity);
    ring->capacity = capacity;
    atomic_init(&ring->written, 0);
    atomic_init(&ring->read, 0);
    return ring->bytes != NULL;
}

void ring_destroy(Ring *ring)
{
    free(ring->bytes);
    ring->bytes = NULL;
}

static void copy_in(Ring *ring, size_t at, const void *from, size_t length) STEMS_NONBLOCKING
{
    size_t index = at & (ring->capacity - 1);
    size_t until_wrap = ring->capacity - index < length ? ring->capacity - index : length;
    memcpy(ring->bytes + index, from, until_wrap);
    memcpy(ring->bytes, (const uint8_t *)from + until_wrap, length - until_wrap);
}

static void copy_out(const Ring *ring, size_t at, void *to, size_t length) STEMS_NONBLOCKING
{
    size_t index = at & (ring->capacity - 1);
    size_t until_wrap = ring->capacity - index < length ? ring->capacity - index : length;
    memcpy(to, ring->bytes + index, until_wrap);
    memcpy((uint8_t *)to + until_wrap, ring->bytes, length - until_wrap);
}

bool ring_write(Ring *ring, const RingPart *parts, size_t count) STEMS_NONBLOCKING
{
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        length += parts[i].length;
    }
    size_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);
    /* Acquire: what the reader copied out must be read before it is written over. */
    size_t used = at - atomic_load_explicit(&ring->read, memory_order_acquire);
    if (length > ring->capacity - used) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (parts[i].length > 0) {
            copy_in(ring, at, parts[i].bytes, parts[i].length);
        }
        at += parts[i].length;
    }
    atomic_store_explicit(&ring->written, at, memory_order_release);
    return true;
}

static bool has(const Ring *ring, size_t at, size_t length) STEMS_NONBLOCKING
{
    return atomic_load_explicit(&ring->written, memory_order_acquire) - at >= length;
}

bool ring_peek(const Ring *ring, void *to, size_t length) STEMS_NONBLOCKING
{
    size_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
    if (!has(ring, at, length)) {
        return false;
    }
    copy_out(ring, at, to, length);
    return true;
}

bool ring_read(Ring *ring, void *to, size_t length) STEMS_NONBLOCKING
{
    size_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
    if (!has(ring, at, length)) {
        return false;
    }
    if (to != NULL && length > 0) {
        copy_out(ring, at, to, length);
    }
    atomic_store_explicit(&ring->read, at + length, memory_order_release);
    return true;
}

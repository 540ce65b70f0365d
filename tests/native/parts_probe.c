/* Lets Python hold the core's inner parts: how large they are, and what it cannot see of them from outside. */
#include <stddef.h>

#include "crossing.h"
#include "msgpack.h"
#include "parameters.h"
#include "player.h"
#include "zmtp.h"

#define SIZE_OF(type)              \
    size_t size_of_##type(void);   \
    size_t size_of_##type(void)    \
    {                              \
        return sizeof(type);       \
    }

SIZE_OF(Zmtp)
SIZE_OF(Ring)
SIZE_OF(StemRing)
SIZE_OF(History)
SIZE_OF(FadeShape)
SIZE_OF(Fallback)
SIZE_OF(Parameters)
SIZE_OF(Mixer)
SIZE_OF(Player)
SIZE_OF(Crossing)

typedef struct {
    int64_t position_samples, late_frames, fallback_count, headroom_samples;
} PlayerCounts;

size_t probe_ring_capacity(const Ring *ring);
Ring *probe_to_worker(Crossing *crossing);
Ring *probe_from_worker(Crossing *crossing);
uint32_t probe_maximum_latency(const Crossing *crossing);
void probe_extra(Crossing *crossing, int profile, uint32_t samples);
uint32_t probe_ramp_frames(const Mixer *mixer);
uint32_t probe_fade_frames(const FadeShape *shape);
void probe_player_counts(const Player *player, PlayerCounts *counts);
void probe_player_step(Player *player, const Parameters *parameters, const float *const *input, float *const *const *output,
                       uint32_t frames);
int64_t probe_msgpack_skip(const uint8_t *bytes, size_t length);
int64_t probe_msgpack_heads(const uint8_t *bytes, size_t length, uint64_t *heads, size_t capacity);

size_t probe_ring_capacity(const Ring *ring)
{
#ifdef SEED_OVERFLOW
    ((volatile uint8_t *)ring->bytes)[ring->capacity] = 1;
#endif
    return ring->capacity;
}

Ring *probe_to_worker(Crossing *crossing)
{
    return &crossing->to_worker;
}

Ring *probe_from_worker(Crossing *crossing)
{
    return &crossing->from_worker;
}

uint32_t probe_maximum_latency(const Crossing *crossing)
{
    return crossing->maximum_latency_samples;
}

void probe_extra(Crossing *crossing, int profile, uint32_t samples)
{
    atomic_store(&crossing->extra_samples[profile], samples);
}

uint32_t probe_ramp_frames(const Mixer *mixer)
{
    return mixer->ramp_frames;
}

uint32_t probe_fade_frames(const FadeShape *shape)
{
    return shape->fade_frames;
}

void probe_player_counts(const Player *player, PlayerCounts *counts)
{
    *counts = (PlayerCounts){player->position_samples, (int64_t)atomic_load(&player->late_frames),
                             (int64_t)atomic_load(&player->fallback_count),
                             (int64_t)atomic_load(&player->headroom_samples)};
}

void probe_player_step(Player *player, const Parameters *parameters, const float *const *input, float *const *const *output,
                       uint32_t frames)
{
    player_take(player, input, 0, frames);
    player_play(player, parameters, output, 0, frames);
}

/* Where the first value ends; -1: refused. */
int64_t probe_msgpack_skip(const uint8_t *bytes, size_t length)
{
    MsgpackReader reader = {.bytes = bytes, .length = length};
    MsgpackValue value;
    return msgpack_read(&reader, &value) && msgpack_skip(&reader, &value) ? (int64_t)reader.position : -1;
}

/* Type and number (an integer, a count, a truth) of every value up to the end, lists before their items; -1: refused. */
int64_t probe_msgpack_heads(const uint8_t *bytes, size_t length, uint64_t *heads, size_t capacity)
{
    MsgpackReader reader = {.bytes = bytes, .length = length};
    MsgpackValue value;
    size_t count = 0;
    while (reader.position < length && count + 2 <= capacity) {
        if (!msgpack_read(&reader, &value)) {
            return -1;
        }
        heads[count++] = value.type;
        heads[count++] = value.type == MSGPACK_UNSIGNED ? value.integer : value.type == MSGPACK_BOOLEAN ? value.boolean : value.count;
    }
    return (int64_t)count;
}

/* What the host hears: at each position the stems of a constant time ago, or what is heard instead. Belongs to the audio thread.
   The same as plugin_bridge/stem_player.py, and the mixing behind it. */
#ifndef PHOENIX_PLAYER_H
#define PHOENIX_PLAYER_H

#include "fallback.h"
#include "history.h"
#include "mixer.h"
#include "stem_ring.h"

enum { PLAYER_PIECE_FRAMES = 1024 }; /* the most that is played at once */

typedef struct {
    uint32_t channels, rate_hz;
    int bus_count;
    int64_t position_samples, origin_samples, latency_samples;
    History dry;
    StemRing vocals;
    FadeShape shape;
    Fallback fallbacks[STEMS_MAXIMUM_BUSES];
    Mixer mixer;
    float *input[BLOCK_MAXIMUM_CHANNELS]; /* scratch, [channel][PLAYER_PIECE_FRAMES]: the clean input */
    float *wet[BLOCK_MAXIMUM_CHANNELS], *due[BLOCK_MAXIMUM_CHANNELS], *mixed[BLOCK_MAXIMUM_CHANNELS];
    float *silence;
    uint8_t *valid;
    _Atomic bool is_late; /* written here, read by others; so are the counts */
    _Atomic uint64_t late_frames, fallback_count;
    _Atomic uint32_t headroom_samples; /* UINT32_MAX: none seen yet */
} Player;

bool player_create(Player *player, StemsKind kind, uint32_t rate_hz, uint32_t channels, uint32_t maximum_latency_samples,
                   uint32_t max_block_frames); /* false without memory */
void player_destroy(Player *player);

/* Starts at position 0 with these parameters; the next block has that position. */
void player_start(Player *player, StemsKind kind, const Parameters *parameters, uint32_t latency_samples) STEMS_NONBLOCKING;

/* Forgets the past; positions count on. */
void player_reset(Player *player) STEMS_NONBLOCKING;

/* Plays with another latency from now on; what is heard stays continuous. */
void player_set_latency(Player *player, uint32_t latency_samples) STEMS_NONBLOCKING;

/* Copies a piece of the host's input, NaN and infinities as silence, into player->input. */
void player_take(Player *player, const float *const *input, uint32_t offset, uint32_t frames) STEMS_NONBLOCKING;

/* Keeps vocals until their time comes. */
void player_put(Player *player, int64_t position_samples, const float *const *samples, uint32_t frames) STEMS_NONBLOCKING;

/* The first position whose vocals the next piece of so many frames needs, and whether it has all. */
int64_t player_needed(const Player *player) STEMS_NONBLOCKING;
bool player_is_ready(const Player *player, uint32_t frames) STEMS_NONBLOCKING;

/* Plays what player_take took: as many frames of every bus, written at `offset`. */
void player_play(Player *player, const Parameters *parameters, float *const *const *output, uint32_t offset,
                 uint32_t frames) STEMS_NONBLOCKING;

#endif

#include "player.h"

#include <stdlib.h>
#include <string.h>

static bool create_scratch(float **to, uint32_t channels)
{
    for (uint32_t c = 0; c < channels; c++) {
        to[c] = calloc(PLAYER_PIECE_FRAMES, sizeof(float));
        if (to[c] == NULL) {
            return false;
        }
    }
    return true;
}

bool player_create(Player *player, StemsKind kind, uint32_t rate_hz, uint32_t channels, uint32_t maximum_latency_samples,
                   uint32_t max_block_frames)
{
    memset(player, 0, sizeof *player);
    player->channels = channels;
    player->rate_hz = rate_hz;
    player->bus_count = kind == STEMS_MIX ? 1 : STEMS_STEM_COUNT;
    player->silence = calloc(PLAYER_PIECE_FRAMES, sizeof(float));
    player->valid = calloc(PLAYER_PIECE_FRAMES, 1);
    int64_t behind = (int64_t)maximum_latency_samples + PLAYER_PIECE_FRAMES;
    return player->silence != NULL && player->valid != NULL && create_scratch(player->input, channels) &&
           create_scratch(player->wet, channels) && create_scratch(player->due, channels) &&
           create_scratch(player->mixed, channels) && fade_shape_create(&player->shape, rate_hz) &&
           history_create(&player->dry, channels, behind) &&
           stem_ring_create(&player->vocals, channels, behind + 2 * (int64_t)max_block_frames);
}

void player_destroy(Player *player)
{
    for (uint32_t c = 0; c < BLOCK_MAXIMUM_CHANNELS; c++) {
        free(player->input[c]);
        free(player->wet[c]);
        free(player->due[c]);
        free(player->mixed[c]);
    }
    free(player->silence);
    free(player->valid);
    fade_shape_destroy(&player->shape);
    history_destroy(&player->dry);
    stem_ring_destroy(&player->vocals);
}

void player_start(Player *player, StemsKind kind, const Parameters *parameters, uint32_t latency_samples) STEMS_NONBLOCKING
{
    player->position_samples = player->origin_samples = 0;
    player->latency_samples = latency_samples;
    history_reset(&player->dry, 0);
    stem_ring_reset(&player->vocals, -player->latency_samples);
    for (int bus = 0; bus < STEMS_MAXIMUM_BUSES; bus++) {
        fallback_reset(&player->fallbacks[bus], &player->shape);
    }
    mixer_reset(&player->mixer, kind, player->rate_hz, parameters);
    atomic_store_explicit(&player->headroom_samples, UINT32_MAX, memory_order_relaxed);
}

static void jump(Player *player) STEMS_NONBLOCKING
{
    for (int bus = 0; bus < player->bus_count; bus++) {
        fallback_jump(&player->fallbacks[bus]);
    }
}

void player_reset(Player *player) STEMS_NONBLOCKING
{
    player->origin_samples = player->position_samples;
    history_reset(&player->dry, player->position_samples);
    jump(player);
}

void player_set_latency(Player *player, uint32_t latency_samples) STEMS_NONBLOCKING
{
    player->latency_samples = latency_samples;
    stem_ring_move(&player->vocals, player->position_samples - player->latency_samples);
    jump(player);
}

/* By the exponent's bits, which also works under -ffast-math. */
static bool is_number(float value) STEMS_NONBLOCKING
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7f800000U) != 0x7f800000U;
}

void player_take(Player *player, const float *const *input, uint32_t offset, uint32_t frames) STEMS_NONBLOCKING
{
    for (uint32_t c = 0; c < player->channels; c++) {
        const float *from = input[c] + offset;
        for (uint32_t i = 0; i < frames; i++) {
            player->input[c][i] = is_number(from[i]) ? from[i] : 0.0F;
        }
    }
}

void player_put(Player *player, int64_t position_samples, const float *const *samples, uint32_t frames) STEMS_NONBLOCKING
{
    stem_ring_write(&player->vocals, position_samples, samples, frames);
}

int64_t player_needed(const Player *player) STEMS_NONBLOCKING
{
    int64_t due = player->position_samples - player->latency_samples;
    return due > player->origin_samples ? due : player->origin_samples;
}

bool player_is_ready(const Player *player, uint32_t frames) STEMS_NONBLOCKING
{
    int64_t needed = player_needed(player);
    int64_t end = player->position_samples + frames - player->latency_samples;
    return end <= needed || stem_ring_has(&player->vocals, needed, end - needed);
}

static void count_late(Player *player, uint32_t frames) STEMS_NONBLOCKING
{
    uint32_t late = 0;
    for (uint32_t i = 0; i < frames; i++) {
        late += player->valid[i] ? 0 : 1;
    }
    bool was_late = atomic_load_explicit(&player->is_late, memory_order_relaxed);
    atomic_fetch_add_explicit(&player->late_frames, late, memory_order_relaxed);
    atomic_fetch_add_explicit(&player->fallback_count, late > 0 && !was_late ? 1 : 0, memory_order_relaxed);
    atomic_store_explicit(&player->is_late, late > 0, memory_order_relaxed);
}

static void measure_headroom(Player *player) STEMS_NONBLOCKING
{
    int64_t ready = player->vocals.written_samples - player->vocals.read_samples;
    bool counts = !atomic_load_explicit(&player->is_late, memory_order_relaxed) &&
                  player->vocals.read_samples > player->origin_samples;
    if (counts && ready < atomic_load_explicit(&player->headroom_samples, memory_order_relaxed)) {
        atomic_store_explicit(&player->headroom_samples, (uint32_t)ready, memory_order_relaxed);
    }
}

/* Fetches what is due: the dry signal, the vocals, and where vocals are missing. Before the origin all is silence, and nothing late. */
static void fetch(Player *player, uint32_t frames) STEMS_NONBLOCKING
{
    int64_t start = player->position_samples - player->latency_samples;
    const float *input[BLOCK_MAXIMUM_CHANNELS] = {player->input[0], player->input[1]};
    history_write(&player->dry, player->position_samples, input, frames);
    player->position_samples += frames;
    history_read(&player->dry, start, frames, player->due);
    stem_ring_read(&player->vocals, player->wet, player->valid, frames);
    for (uint32_t i = 0; i < frames && start + i < player->origin_samples; i++) {
        player->valid[i] = 1;
        for (uint32_t c = 0; c < player->channels; c++) {
            player->wet[c][i] = 0.0F;
        }
    }
}

static void play_bus(Player *player, int bus, float *const *output, uint32_t offset, uint32_t frames) STEMS_NONBLOCKING
{
    const float *instead[BLOCK_MAXIMUM_CHANNELS];
    for (uint32_t c = 0; c < player->channels; c++) {
        mixer_mix(&player->mixer, bus, player->due[c], player->wet[c], player->mixed[c], frames);
        instead[c] = bus == player->bus_count - 1 ? player->due[c] : player->silence;
    }
    fallback_apply(&player->fallbacks[bus], &player->shape, player->mixed, player->valid, instead, player->channels,
                   frames);
    for (uint32_t c = 0; output != NULL && c < player->channels; c++) {
        if (output[c] != NULL) {
            memcpy(output[c] + offset, player->mixed[c], frames * sizeof(float));
        }
    }
}

void player_play(Player *player, const Parameters *parameters, float *const *const *output, uint32_t offset,
                 uint32_t frames) STEMS_NONBLOCKING
{
    if (frames == 0) {
        return; /* hosts call so to pass parameters: neither late nor in time */
    }
    fetch(player, frames);
    count_late(player, frames);
    measure_headroom(player);
    mixer_update(&player->mixer, parameters);
    for (int bus = 0; bus < player->bus_count; bus++) {
        play_bus(player, bus, output[bus], offset, frames);
    }
    mixer_advance(&player->mixer, frames);
}

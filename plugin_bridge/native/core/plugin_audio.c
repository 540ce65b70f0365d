/* The audio callback. Live it touches two rings and atomics only; rendering it waits, within bounds. */
#include <math.h>
#include <string.h>

#include "platform_thread.h"
#include "plugin.h"

#define HOPELESS_PATIENCE_S 2.0 /* with no server, and none starting */
#define PATIENCE_S 150.0        /* in all; a server may have to start first */

enum { RETRY_US = 200 };

typedef struct {
    const float *const *input;
    float *const *const *output;
    uint32_t offset, frames;
} Piece;

/* ---- What both have in common ---- */

/* Adopts the profile that is wanted now, and the latency that goes with it. */
static void adopt_profile(StemsPlugin *plugin) STEMS_NONBLOCKING
{
    Profile profile = (Profile)parameters_get(&plugin->parameters, STEMS_PARAMETER_PROFILE);
    atomic_store_explicit(&plugin->crossing.profile, (int)profile, memory_order_release);
    uint32_t latency = crossing_latency(&plugin->crossing, profile);
    if (latency != (uint32_t)plugin->player.latency_samples) {
        player_set_latency(&plugin->player, latency);
    }
}

static void begin(StemsPlugin *plugin, const StemsBlock *block) STEMS_NONBLOCKING
{
    if (!plugin->is_started) { /* what was set since activate holds from the first sample on */
        mixer_reset(&plugin->player.mixer, plugin->kind, plugin->crossing.rate_hz, &plugin->parameters);
        plugin->is_started = true;
    }
    if (block->offline && !plugin->is_offline) {
        plugin->render_start_samples = plugin->player.position_samples;
    }
    plugin->is_offline = block->offline;
    atomic_store_explicit(&plugin->crossing.offline, block->offline, memory_order_release);
    atomic_fetch_add_explicit(&plugin->blocks, 1, memory_order_relaxed);
}

static void fetch_stems(StemsPlugin *plugin) STEMS_NONBLOCKING
{
    BlockHeader header;
    while (block_ring_read(&plugin->crossing.from_worker, &header, plugin->received, plugin->crossing.channels)) {
        const float *samples[BLOCK_MAXIMUM_CHANNELS] = {plugin->received[0], plugin->received[1]};
        player_put(&plugin->player, header.position_samples, samples, header.frames);
    }
}

/* Hands the piece that player_take took to the worker; returns how many frames there was room for. */
static uint32_t pass_on(StemsPlugin *plugin, uint32_t frames) STEMS_NONBLOCKING
{
    const float *samples[BLOCK_MAXIMUM_CHANNELS] = {plugin->player.input[0], plugin->player.input[1]};
    return block_ring_write(&plugin->crossing.to_worker, plugin->player.position_samples, samples,
                            plugin->crossing.channels, frames);
}

static void silence(const StemsBlock *block, const StemsPlugin *plugin) STEMS_NONBLOCKING
{
    for (int bus = 0; bus < (plugin->kind == STEMS_MIX ? 1 : STEMS_STEM_COUNT); bus++) {
        for (uint32_t c = 0; block->output[bus] != NULL && c < plugin->crossing.channels; c++) {
            if (block->output[bus][c] != NULL) {
                memset(block->output[bus][c], 0, block->frames * sizeof(float));
            }
        }
    }
}

/* ---- Live ---- */

static void play_live(StemsPlugin *plugin, const Piece *piece) STEMS_NONBLOCKING
{
    player_take(&plugin->player, piece->input, piece->offset, piece->frames);
    uint32_t taken = pass_on(plugin, piece->frames);
    atomic_fetch_add_explicit(&plugin->lost_frames, piece->frames - taken, memory_order_relaxed);
    fetch_stems(plugin);
    player_play(&plugin->player, &plugin->parameters, piece->output, piece->offset, piece->frames);
}

/* ---- Offline ---- */

/* Adopts profile and latency; false where a server turned out to need more latency when stems of this render had been played: the rest would
   lie beside the track, and no host moves it. Before that a longer delay is only more of the silence that comes first. */
static bool adopt_offline(StemsPlugin *plugin)
{
    const Player *player = &plugin->player;
    int profile = atomic_load(&plugin->crossing.profile);
    int64_t latency = player->latency_samples;
    bool has_played = player->position_samples > plugin->render_start_samples &&
                      player->position_samples - latency > player->origin_samples;
    adopt_profile(plugin);
    atomic_store(&plugin->crossing.needed_samples, player_needed(player));
    bool grew = player->latency_samples != latency && atomic_load(&plugin->crossing.profile) == profile;
    return !(grew && has_played);
}

/* Waits once; false when it makes no sense to go on waiting. */
static bool wait_a_little(const StemsPlugin *plugin, double since_s, double *hopeless_since_s)
{
    double now_s = platform_now_s();
    if (!atomic_load(&plugin->crossing.is_hopeless)) {
        *hopeless_since_s = now_s;
    }
    platform_sleep_us(RETRY_US);
    return now_s - since_s < PATIENCE_S && now_s - *hopeless_since_s < HOPELESS_PATIENCE_S;
}

static bool pass_on_whole(StemsPlugin *plugin, uint32_t frames)
{
    double since_s = platform_now_s(), hopeless_since_s = since_s;
    while (pass_on(plugin, frames) < frames) { /* a piece goes in whole or not at all */
        fetch_stems(plugin);
        if (!wait_a_little(plugin, since_s, &hopeless_since_s)) {
            return false;
        }
    }
    return true;
}

static RenderFailure await_stems(StemsPlugin *plugin, uint32_t frames)
{
    double since_s = platform_now_s(), hopeless_since_s = since_s;
    fetch_stems(plugin);
    while (adopt_offline(plugin)) { /* at every turn: a server may be found, and need more, while we wait */
        if (player_is_ready(&plugin->player, frames)) {
            return RENDER_FINE;
        }
        if (!wait_a_little(plugin, since_s, &hopeless_since_s)) {
            return RENDER_WITHOUT_STEMS;
        }
        fetch_stems(plugin);
    }
    return RENDER_OUT_OF_PLACE;
}

/* Beeps: a quarter of a second of 880 Hz, a quarter of silence, at -12 dBFS. */
static void sound_alarm(StemsPlugin *plugin, const Piece *piece)
{
    double rate_hz = plugin->crossing.rate_hz;
    for (uint32_t i = 0; i < piece->frames; i++) {
        double seconds = (double)(plugin->alarm_frames + i) / rate_hz;
        bool is_on = fmod(seconds, 0.5) < 0.25;
        float value = is_on ? (float)(0.25 * sin(2.0 * 3.14159265358979323846 * 880.0 * seconds)) : 0.0F;
        for (int bus = 0; bus < plugin->player.bus_count; bus++) {
            for (uint32_t c = 0; piece->output[bus] != NULL && c < plugin->crossing.channels; c++) {
                if (piece->output[bus][c] != NULL) {
                    piece->output[bus][c][piece->offset + i] = value;
                }
            }
        }
    }
    plugin->alarm_frames += piece->frames;
}

static void play_offline(StemsPlugin *plugin, const Piece *piece)
{
    player_take(&plugin->player, piece->input, piece->offset, piece->frames);
    RenderFailure failure = (RenderFailure)atomic_load(&plugin->failure);
    bool is_in_place = adopt_offline(plugin);
    if (failure != RENDER_FINE) {
        pass_on(plugin, piece->frames);
        fetch_stems(plugin);
    } else {
        failure = !is_in_place                           ? RENDER_OUT_OF_PLACE
                  : !pass_on_whole(plugin, piece->frames) ? RENDER_WITHOUT_STEMS
                                                          : await_stems(plugin, piece->frames);
        plugin->alarm_frames = 0;
        atomic_store(&plugin->failure, (int)failure);
    }
    player_play(&plugin->player, &plugin->parameters, piece->output, piece->offset, piece->frames);
    if (failure != RENDER_FINE) {
        sound_alarm(plugin, piece);
    }
}

/* ---- The call ---- */

static Piece next_piece(const StemsPlugin *plugin, const StemsBlock *block, uint32_t done) STEMS_NONBLOCKING
{
    uint32_t limit = plugin->crossing.max_block_frames < PLAYER_PIECE_FRAMES ? plugin->crossing.max_block_frames
                                                                             : PLAYER_PIECE_FRAMES;
    uint32_t left = block->frames - done;
    return (Piece){block->input, block->output, done, left < limit ? left : limit};
}

static StemsResult process_live(StemsPlugin *plugin, const StemsBlock *block) STEMS_NONBLOCKING
{
    if (!atomic_load_explicit(&plugin->is_active, memory_order_acquire)) {
        silence(block, plugin);
        return STEMS_INACTIVE;
    }
    begin(plugin, block);
    adopt_profile(plugin);
    atomic_store_explicit(&plugin->failure, RENDER_FINE, memory_order_relaxed);
    for (uint32_t done = 0; done < block->frames;) {
        Piece piece = next_piece(plugin, block, done);
        play_live(plugin, &piece);
        done += piece.frames;
    }
    return STEMS_OK;
}

static StemsResult process_offline(StemsPlugin *plugin, const StemsBlock *block)
{
    begin(plugin, block);
    for (uint32_t done = 0; done < block->frames;) {
        Piece piece = next_piece(plugin, block, done);
        play_offline(plugin, &piece);
        done += piece.frames;
    }
    return atomic_load(&plugin->failure) == RENDER_FINE ? STEMS_OK : STEMS_FAILED;
}

StemsResult stems_plugin_process(StemsPlugin *plugin, const StemsBlock *block)
{
    bool waits = block->offline && atomic_load_explicit(&plugin->is_active, memory_order_acquire);
    return waits ? process_offline(plugin, block) : process_live(plugin, block);
}

void stems_plugin_reset(StemsPlugin *plugin) STEMS_NONBLOCKING
{
    if (!atomic_load_explicit(&plugin->is_active, memory_order_acquire)) {
        return;
    }
    atomic_store_explicit(&plugin->failure, RENDER_FINE, memory_order_relaxed);
    plugin->is_offline = false; /* what comes is another render */
    player_reset(&plugin->player);
    /* No room: then the worker is far behind, and takes the gap in positions for silence. */
    block_ring_write_seek(&plugin->crossing.to_worker, plugin->player.position_samples);
}

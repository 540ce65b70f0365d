#include "plugin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"
#include "utf8.h"

StemsPlugin *stems_plugin_create(StemsKind kind)
{
    StemsPlugin *plugin = calloc(1, sizeof *plugin);
    if (plugin == NULL || !status_create(&plugin->status)) {
        free(plugin);
        return NULL;
    }
    plugin->kind = kind;
    parameters_initialize(&plugin->parameters);
    settings_load(&plugin->settings);
    for (int profile = 0; profile < PROFILE_COUNT; profile++) {
        plugin->crossing.budgets[profile] = latency_budget((Profile)profile, 44100, 1024);
    }
    return plugin;
}

void stems_plugin_destroy(StemsPlugin *plugin)
{
    if (plugin != NULL) {
        stems_plugin_deactivate(plugin);
        status_destroy(&plugin->status);
        free(plugin);
    }
}

StemsKind stems_plugin_kind(const StemsPlugin *plugin)
{
    return plugin->kind;
}

int stems_plugin_bus_count(const StemsPlugin *plugin)
{
    return plugin->kind == STEMS_MIX ? 1 : STEMS_STEM_COUNT;
}

bool stems_plugin_is_active(const StemsPlugin *plugin)
{
    return atomic_load(&plugin->is_active);
}

static void release(StemsPlugin *plugin)
{
    worker_stop(plugin->worker);
    plugin->worker = NULL;
    crossing_destroy(&plugin->crossing);
    player_destroy(&plugin->player);
    for (uint32_t c = 0; c < BLOCK_MAXIMUM_CHANNELS; c++) {
        free(plugin->received[c]);
        plugin->received[c] = NULL;
    }
}

void stems_plugin_deactivate(StemsPlugin *plugin)
{
    if (atomic_exchange(&plugin->is_active, false)) {
        release(plugin);
        atomic_store(&plugin->failure, RENDER_FINE);
        status_set(&plugin->status, STEMS_STATUS_OFF, "off");
    }
}

static bool is_in_range(StemsPlugin *plugin, double rate_hz, uint32_t max_block_frames, uint32_t channels)
{
    bool is_fine = rate_hz >= (double)STEMS_MINIMUM_RATE_HZ && rate_hz <= (double)STEMS_MAXIMUM_RATE_HZ && rate_hz == floor(rate_hz) &&
                   max_block_frames >= 1 && max_block_frames <= STEMS_MAXIMUM_BLOCK_FRAMES && channels >= 1 &&
                   channels <= STEMS_MAXIMUM_CHANNELS;
    if (!is_fine) {
        status_set(&plugin->status, STEMS_STATUS_OFF,
                   "%g Hz, blocks of %u frames, %u channels: 8000 to 192000 Hz in whole numbers, 1 to %d frames, 1 or 2 "
                   "channels allowed",
                   rate_hz, max_block_frames, channels, STEMS_MAXIMUM_BLOCK_FRAMES);
    }
    return is_fine;
}

static bool allocate(StemsPlugin *plugin, uint32_t rate_hz, uint32_t max_block_frames, uint32_t channels)
{
    bool done = crossing_create(&plugin->crossing, rate_hz, channels, max_block_frames);
    done = player_create(&plugin->player, plugin->kind, rate_hz, channels, plugin->crossing.maximum_latency_samples,
                         max_block_frames) && done;
    for (uint32_t c = 0; c < channels; c++) {
        plugin->received[c] = calloc(BLOCK_PIECE_FRAMES, sizeof(float));
        done = done && plugin->received[c] != NULL;
    }
    return done;
}

bool stems_plugin_activate(StemsPlugin *plugin, double rate_hz, uint32_t max_block_frames, uint32_t channels)
{
    stems_plugin_deactivate(plugin);
    if (!is_in_range(plugin, rate_hz, max_block_frames, channels)) {
        return false;
    }
    bool done = allocate(plugin, (uint32_t)rate_hz, max_block_frames, channels);
    Profile profile = (Profile)parameters_get(&plugin->parameters, STEMS_PARAMETER_PROFILE);
    atomic_store(&plugin->crossing.profile, (int)profile);
    plugin->worker = done ? worker_start(&plugin->crossing, &plugin->status, &plugin->settings) : NULL;
    if (plugin->worker == NULL) {
        release(plugin);
        status_set(&plugin->status, STEMS_STATUS_OFF, "no memory, or no thread to be had");
        return false;
    }
    player_start(&plugin->player, plugin->kind, &plugin->parameters, crossing_latency(&plugin->crossing, profile));
    plugin->is_offline = plugin->is_started = false;
    atomic_store(&plugin->blocks, 0);
    atomic_store(&plugin->lost_frames, 0);
    atomic_store(&plugin->is_active, true);
    return true;
}

uint32_t stems_plugin_latency_samples(const StemsPlugin *plugin) STEMS_NONBLOCKING
{
    return crossing_latency(&plugin->crossing, (Profile)parameters_get(&plugin->parameters, STEMS_PARAMETER_PROFILE));
}

bool stems_plugin_set_parameter(StemsPlugin *plugin, uint32_t id, double value) STEMS_NONBLOCKING
{
    return parameters_set(&plugin->parameters, id, value);
}

double stems_plugin_get_parameter(const StemsPlugin *plugin, uint32_t id) STEMS_NONBLOCKING
{
    return id == STEMS_PARAMETER_STATUS ? (double)stems_plugin_status(plugin) : parameters_get(&plugin->parameters, id);
}

const char *stems_stem_name(size_t index)
{
    static const char *const names[STEMS_STEM_COUNT] = {"vocals", "instrumental"};
    return index < STEMS_STEM_COUNT ? names[index] : NULL;
}

size_t stems_plugin_save(const StemsPlugin *plugin, uint8_t *bytes, size_t capacity)
{
    return state_save(&plugin->parameters, bytes, capacity);
}

bool stems_plugin_restore(StemsPlugin *plugin, const uint8_t *bytes, size_t length)
{
    return state_restore(&plugin->parameters, bytes, length);
}

static bool is_late(const StemsPlugin *plugin) STEMS_NONBLOCKING
{
    return atomic_load_explicit(&plugin->player.is_late, memory_order_relaxed);
}

StemsStatus stems_plugin_status(const StemsPlugin *plugin) STEMS_NONBLOCKING
{
    StemsStatus status = status_get(&plugin->status);
    if (status != STEMS_STATUS_OFF && atomic_load_explicit(&plugin->failure, memory_order_relaxed) != RENDER_FINE) {
        return STEMS_STATUS_REFUSED;
    }
    return status == STEMS_STATUS_CONNECTED && is_late(plugin) ? STEMS_STATUS_FALLBACK : status;
}

size_t stems_plugin_status_text(const StemsPlugin *plugin, char *text, size_t capacity)
{
    char why[STATUS_TEXT_BYTES], whole[STATUS_TEXT_BYTES + 64];
    status_text(&plugin->status, why, sizeof why);
    const char *prefix = "";
    RenderFailure failure = (RenderFailure)atomic_load(&plugin->failure);
    if (failure == RENDER_WITHOUT_STEMS) {
        prefix = "the render has failed, stems are missing: ";
    } else if (failure == RENDER_OUT_OF_PLACE) {
        prefix = "the render has failed, the latency grew, render again: ";
    } else if (status_get(&plugin->status) == STEMS_STATUS_CONNECTED && is_late(plugin)) {
        prefix = "stems are late, dry is heard: ";
    }
    snprintf(whole, sizeof whole, "%s%s", prefix, why);
    if (capacity == 0) {
        return 0;
    }
    size_t length = strlen(whole);
    length = utf8_cut(whole, length, capacity - 1);
    memcpy(text, whole, length);
    text[length] = '\0';
    return length;
}

void stems_plugin_statistics(const StemsPlugin *plugin, StemsStatistics *statistics) STEMS_NONBLOCKING
{
    const Player *player = &plugin->player;
    uint64_t openings = atomic_load_explicit(&plugin->crossing.openings, memory_order_relaxed);
    uint32_t headroom = atomic_load_explicit(&player->headroom_samples, memory_order_relaxed);
    *statistics = (StemsStatistics){
        .blocks = atomic_load_explicit(&plugin->blocks, memory_order_relaxed),
        .late_frames = atomic_load_explicit(&player->late_frames, memory_order_relaxed),
        .fallbacks = atomic_load_explicit(&player->fallback_count, memory_order_relaxed),
        .reconnects = openings > 0 ? openings - 1 : 0,
        .lost_frames = atomic_load_explicit(&plugin->lost_frames, memory_order_relaxed),
        .headroom_samples = headroom == UINT32_MAX ? 0 : headroom,
    };
}

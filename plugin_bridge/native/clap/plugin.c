/* The life of an instance. */
#include "plugin.h"

#include <stdlib.h>
#include <string.h>

static bool CLAP_ABI init(const ClapPlugin *plugin)
{
    (void)plugin;
    return true;
}

static void CLAP_ABI destroy(const ClapPlugin *plugin)
{
    ClapInstance *instance = clap_instance(plugin);
    stems_plugin_destroy(instance->core);
    free(instance);
}

static bool CLAP_ABI activate(const ClapPlugin *plugin, double rate_hz, uint32_t minimum_frames,
                              uint32_t maximum_frames)
{
    ClapInstance *instance = clap_instance(plugin);
    (void)minimum_frames;
    if (!stems_plugin_activate(instance->core, rate_hz, maximum_frames, STEMS_MAXIMUM_CHANNELS)) {
        return false;
    }
    instance->restart_requested = false;
    clap_tell_latency(instance);
    return true;
}

static void CLAP_ABI deactivate(const ClapPlugin *plugin)
{
    stems_plugin_deactivate(clap_instance(plugin)->core);
}

static bool CLAP_ABI start_processing(const ClapPlugin *plugin)
{
    (void)plugin;
    return true;
}

static void CLAP_ABI stop_processing(const ClapPlugin *plugin)
{
    (void)plugin;
}

static void CLAP_ABI reset(const ClapPlugin *plugin)
{
    stems_plugin_reset(clap_instance(plugin)->core);
}

static void CLAP_ABI on_main_thread(const ClapPlugin *plugin)
{
    (void)plugin;
}

/* ---- Extensions of a few lines ---- */

static uint32_t CLAP_ABI latency(const ClapPlugin *plugin)
{
    return stems_plugin_latency_samples(clap_instance(plugin)->core);
}

void clap_tell_latency(ClapInstance *instance)
{
    const uint32_t samples = stems_plugin_latency_samples(instance->core);
    const ClapHostLatency *host = instance->host->get_extension(instance->host, CLAP_EXT_LATENCY);
    if (samples == instance->told_latency_samples) {
        return;
    }
    instance->told_latency_samples = samples;
    if (host != NULL) {
        host->changed(instance->host);
    }
}

static bool CLAP_ABI has_hard_realtime_requirement(const ClapPlugin *plugin)
{
    (void)plugin;
    return false;
}

static bool CLAP_ABI set_render_mode(const ClapPlugin *plugin, int32_t mode)
{
    if (mode != CLAP_RENDER_REALTIME && mode != CLAP_RENDER_OFFLINE) {
        return false;
    }
    atomic_store(&clap_instance(plugin)->offline, mode == CLAP_RENDER_OFFLINE);
    return true;
}

static const void *CLAP_ABI get_extension(const ClapPlugin *plugin, const char *id)
{
    static const ClapLatency latency_extension = {latency};
    static const ClapRender render_extension = {has_hard_realtime_requirement, set_render_mode};
    (void)plugin;
    if (strcmp(id, CLAP_EXT_AUDIO_PORTS) == 0) {
        return &clap_audio_ports;
    }
    if (strcmp(id, CLAP_EXT_LATENCY) == 0) {
        return &latency_extension;
    }
    if (strcmp(id, CLAP_EXT_PARAMS) == 0) {
        return &clap_params;
    }
    if (strcmp(id, CLAP_EXT_RENDER) == 0) {
        return &render_extension;
    }
    if (strcmp(id, CLAP_EXT_STATE) == 0) {
        return &clap_state;
    }
    return NULL;
}

const ClapPlugin *clap_instance_create(StemsKind kind, const ClapDescriptor *descriptor, const ClapHost *host)
{
    ClapInstance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return NULL;
    }
    instance->core = stems_plugin_create(kind);
    if (instance->core == NULL) {
        free(instance);
        return NULL;
    }
    instance->kind = kind;
    instance->host = host;
    instance->told_latency_samples = stems_plugin_latency_samples(instance->core);
    instance->told_status = stems_plugin_get_parameter(instance->core, STEMS_PARAMETER_STATUS);
    instance->face = (ClapPlugin){
        descriptor,       instance,        init,  destroy,      activate,      deactivate,
        start_processing, stop_processing, reset, clap_process, get_extension, on_main_thread,
    };
    return &instance->face;
}

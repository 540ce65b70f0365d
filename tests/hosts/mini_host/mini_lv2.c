#include <dlfcn.h>
#include <string.h>

#include "lv2/core/lv2.h"
#include "mini_host.h"
#include "ports.h"

static const LV2_Descriptor *plugin;
static LV2_Handle handle;
static Lv2Ports layout;
static float latency, freewheel, values[STEMS_MAXIMUM_PARAMETERS];

/* "enabled" is bypass the other way round; muted vocals; all else as it was made. */
static void connect_parameters(void)
{
    for (uint32_t index = 0; index < stems_parameter_count(); index++) {
        const StemsParameter *parameter = stems_parameter_at(index);
        bool is_one = (parameter->flags & STEMS_FLAG_BYPASS) || parameter->id == STEMS_PARAMETER_VOCALS_MUTE;
        values[index] = is_one ? 1.0F : (float)parameter->initial;
        plugin->connect_port(handle, layout.first_parameter + index, &values[index]);
    }
}

static float *value_of(uint32_t id)
{
    uint32_t index = 0;
    while (stems_parameter_at(index)->id != id) {
        index++;
    }
    return &values[index];
}

static bool open(void *library, double rate_hz, uint32_t block_frames, bool offline)
{
    LV2_Descriptor_Function describe = (LV2_Descriptor_Function)dlsym(library, "lv2_descriptor");
    static const LV2_Feature *const none[] = {NULL};
    (void)block_frames; /* without the option the plugin takes it to be 1024 */
    plugin = describe != NULL ? describe(0) : NULL;
    if (plugin == NULL || strcmp(plugin->URI, STEMS_MIX_URI) != 0) {
        return false;
    }
    handle = plugin->instantiate(plugin, rate_hz, "", none);
    layout = lv2_ports(STEMS_MIX);
    freewheel = offline ? 1.0F : 0.0F;
    plugin->connect_port(handle, layout.latency, &latency);
    plugin->connect_port(handle, layout.freewheel, &freewheel);
    connect_parameters();
    plugin->activate(handle);
    return true;
}

static bool play(const MiniBlock *block) STEMS_NONBLOCKING
{
    for (uint32_t channel = 0; channel < CHANNELS; channel++) {
        plugin->connect_port(handle, channel, (void *)block->input[channel]);
        plugin->connect_port(handle, layout.first_output + channel, block->output[channel]);
    }
    *value_of(STEMS_PARAMETER_VOCALS_GAIN) = (float)block->vocals_gain_db;
    plugin->run(handle, block->frames);
    return true; /* LV2 has no way to say more */
}

static double status(void)
{
    return (double)*value_of(STEMS_PARAMETER_STATUS);
}

static uint32_t latency_samples(void)
{
    return (uint32_t)latency;
}

static void end(void)
{
    plugin->deactivate(handle);
    plugin->cleanup(handle);
}

const MiniFormat mini_lv2 = {"lv2", open, play, status, latency_samples, end};

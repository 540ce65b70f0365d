/* The LV2 plugins: ports in, ports out; everything else is the core's. */
#include <stdlib.h>
#include <string.h>

#include "block_length.h"
#include "lv2/core/lv2.h"
#include "ports.h"

typedef struct {
    StemsPlugin *core;
    StemsKind kind;
    Lv2Ports layout;
    double rate_hz;
    uint32_t block_frames;
    Lv2BlockUrids urids;
    bool fresh; /* since it was activated nothing was passed on: ports may be read in run() only */
    void *ports[LV2_MAXIMUM_PORTS];
    float seen[STEMS_MAXIMUM_PARAMETERS]; /* what each port held when it was last passed on */
} Instance;

static LV2_Handle instantiate(StemsKind kind, double rate_hz, const LV2_Feature *const *features)
{
    Instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return NULL;
    }
    instance->core = stems_plugin_create(kind);
    if (instance->core == NULL || stems_parameter_count() > STEMS_MAXIMUM_PARAMETERS) {
        stems_plugin_destroy(instance->core);
        free(instance);
        return NULL;
    }
    instance->kind = kind;
    instance->layout = lv2_ports(kind);
    instance->rate_hz = rate_hz;
    instance->urids = lv2_block_urids(features);
    instance->block_frames =
        lv2_block_frames(&instance->urids, lv2_feature(features, LV2_OPTIONS__options), STEMS_USUAL_BLOCK_FRAMES);
    return instance;
}

static LV2_Handle instantiate_mix(const LV2_Descriptor *descriptor, double rate_hz, const char *bundle,
                                  const LV2_Feature *const *features)
{
    (void)descriptor, (void)bundle;
    return instantiate(STEMS_MIX, rate_hz, features);
}

static LV2_Handle instantiate_multi(const LV2_Descriptor *descriptor, double rate_hz, const char *bundle,
                                    const LV2_Feature *const *features)
{
    (void)descriptor, (void)bundle;
    return instantiate(STEMS_MULTI, rate_hz, features);
}

static void cleanup(LV2_Handle handle)
{
    Instance *instance = handle;
    stems_plugin_destroy(instance->core);
    free(instance);
}

static void connect_port(LV2_Handle handle, uint32_t port, void *data)
{
    Instance *instance = handle;
    if (port < instance->layout.count) {
        instance->ports[port] = data;
    }
}

/* ---- Parameters ---- */

/* LV2 has "enabled" where others have bypass: the same switch, the other way round. */
static double plain_value(const StemsParameter *parameter, float port_value)
{
    return (parameter->flags & STEMS_FLAG_BYPASS) ? (port_value > 0.5f ? 0.0 : 1.0) : (double)port_value;
}

static void pass_on(Instance *instance, uint32_t index)
{
    const StemsParameter *parameter = stems_parameter_at(index);
    const float *value = instance->ports[instance->layout.first_parameter + index];
    if (value == NULL || (parameter->flags & STEMS_FLAG_OUTPUT)) {
        return;
    }
    if (!instance->fresh && memcmp(value, &instance->seen[index], sizeof *value) == 0) {
        return;
    }
    instance->seen[index] = *value;
    stems_plugin_set_parameter(instance->core, parameter->id, plain_value(parameter, *value));
}

static void pass_on_parameters(Instance *instance)
{
    for (uint32_t index = 0; index < stems_parameter_count(); index++) {
        pass_on(instance, index);
    }
    instance->fresh = false;
}

static void tell(const Instance *instance, uint32_t port, double value)
{
    float *data = instance->ports[port];
    if (data != NULL) {
        *data = (float)value;
    }
}

static void tell_host(const Instance *instance)
{
    tell(instance, instance->layout.latency, stems_plugin_latency_samples(instance->core));
    for (uint32_t index = 0; index < stems_parameter_count(); index++) {
        const StemsParameter *parameter = stems_parameter_at(index);
        if (!(parameter->flags & STEMS_FLAG_OUTPUT)) {
            continue;
        }
        const double value = stems_plugin_get_parameter(instance->core, parameter->id);
        tell(instance, instance->layout.first_parameter + index, value);
    }
}

/* ---- Audio ---- */

static void activate(LV2_Handle handle)
{
    Instance *instance = handle;
    instance->fresh = true;
    stems_plugin_activate(instance->core, instance->rate_hz, instance->block_frames, LV2_CHANNELS);
}

static void deactivate(LV2_Handle handle)
{
    Instance *instance = handle;
    stems_plugin_deactivate(instance->core);
}

static bool freewheels(const Instance *instance)
{
    const float *freewheel = instance->ports[instance->layout.freewheel];
    return freewheel != NULL && *freewheel > 0.5f;
}

/* A render that failed cannot be told to an LV2 host: the core's alarm tone and the status port say it. */
static void process(Instance *instance, uint32_t frames)
{
    float *channels[STEMS_MAXIMUM_BUSES][LV2_CHANNELS];
    float *const *buses[STEMS_MAXIMUM_BUSES];
    const float *input[LV2_CHANNELS];
    for (uint32_t channel = 0; channel < LV2_CHANNELS; channel++) {
        input[channel] = instance->ports[channel];
    }
    for (uint32_t bus = 0; bus < (uint32_t)stems_buses_of(instance->kind); bus++) {
        void **const ports = &instance->ports[instance->layout.first_output + LV2_CHANNELS * bus];
        for (uint32_t channel = 0; channel < LV2_CHANNELS; channel++) {
            channels[bus][channel] = ports[channel];
        }
        buses[bus] = channels[bus];
    }
    const StemsBlock block = {input, buses, frames, freewheels(instance)};
    stems_plugin_process(instance->core, &block);
}

static void run(LV2_Handle handle, uint32_t frames)
{
    Instance *instance = handle;
    pass_on_parameters(instance);
    if (frames != 0) {
        process(instance, frames);
    }
    tell_host(instance);
}

/* ---- Options: the host's blocks have another length from now on ---- */

static uint32_t get_options(LV2_Handle handle, LV2_Options_Option *options)
{
    (void)handle, (void)options;
    return LV2_OPTIONS_ERR_BAD_KEY;
}

static uint32_t set_options(LV2_Handle handle, const LV2_Options_Option *options)
{
    Instance *instance = handle;
    const uint32_t frames = lv2_block_frames(&instance->urids, options, instance->block_frames);
    if (frames == instance->block_frames) {
        return LV2_OPTIONS_SUCCESS;
    }
    instance->block_frames = frames;
    if (stems_plugin_is_active(instance->core)) {
        activate(instance);
    }
    return LV2_OPTIONS_SUCCESS;
}

static const void *extension_data(const char *uri)
{
    static const LV2_Options_Interface options = {get_options, set_options};
    return strcmp(uri, LV2_OPTIONS__interface) == 0 ? &options : NULL;
}

LV2_SYMBOL_EXPORT const LV2_Descriptor *lv2_descriptor(uint32_t index)
{
    static const LV2_Descriptor descriptors[STEMS_KIND_COUNT] = {
        {STEMS_MIX_URI, instantiate_mix, connect_port, activate, run, deactivate, cleanup, extension_data},
        {STEMS_MULTI_URI, instantiate_multi, connect_port, activate, run, deactivate, cleanup, extension_data},
    };
    return index < STEMS_KIND_COUNT ? &descriptors[index] : NULL;
}

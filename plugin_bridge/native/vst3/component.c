/* IComponent: buses, activation, state. */
#include <string.h>

#include "instance.h"
#include "text.h"

VST3_DEFINE_UNKNOWN(component)

static Vst3Result VST3_CALL initialize(void *self, void *context)
{
    (void)self, (void)context;
    return VST3_OK;
}

static Vst3Result VST3_CALL terminate(void *self)
{
    stems_plugin_deactivate(VST3_INSTANCE(self, component)->core);
    return VST3_OK;
}

/* The component is its own controller: the host asks it for that interface. */
static Vst3Result VST3_CALL controller_class(void *self, uint8_t *class_id)
{
    (void)self, (void)class_id;
    return VST3_NOT_IMPLEMENTED;
}

static Vst3Result VST3_CALL set_io_mode(void *self, int32_t mode)
{
    (void)self, (void)mode;
    return VST3_NOT_IMPLEMENTED;
}

static int32_t VST3_CALL bus_count(void *self, int32_t media_type, int32_t direction)
{
    if (media_type != VST3_AUDIO) {
        return 0;
    }
    return direction == VST3_INPUT ? 1 : stems_buses_of(VST3_INSTANCE(self, component)->kind);
}

static const char *bus_name(StemsKind kind, int32_t direction, int32_t index)
{
    if (direction == VST3_INPUT) {
        return "in";
    }
    return kind == STEMS_MIX ? "mix" : stems_stem_name((size_t)index);
}

static Vst3Result VST3_CALL bus_info(void *self, int32_t media_type, int32_t direction, int32_t index,
                                     Vst3BusInfo *info)
{
    const Vst3Instance *instance = VST3_INSTANCE(self, component);
    if (index < 0 || index >= bus_count(self, media_type, direction)) {
        return VST3_INVALID_ARGUMENT;
    }
    info->media_type = VST3_AUDIO;
    info->direction = direction;
    info->channel_count = (int32_t)instance->channels;
    vst3_text_from_ascii(info->name, bus_name(instance->kind, direction, index));
    info->bus_type = index == 0 ? VST3_MAIN : VST3_AUX;
    info->flags = VST3_DEFAULT_ACTIVE;
    return VST3_OK;
}

static Vst3Result VST3_CALL routing_info(void *self, void *input, void *output)
{
    (void)self, (void)input, (void)output;
    return VST3_NOT_IMPLEMENTED;
}

/* Buses that are not wanted come without channels in each block: there is nothing to remember. */
static Vst3Result VST3_CALL activate_bus(void *self, int32_t media_type, int32_t direction, int32_t index,
                                         uint8_t state)
{
    (void)state;
    return index >= 0 && index < bus_count(self, media_type, direction) ? VST3_OK : VST3_INVALID_ARGUMENT;
}

static Vst3Result VST3_CALL set_active(void *self, uint8_t state)
{
    Vst3Instance *instance = VST3_INSTANCE(self, component);
    if (!state) {
        stems_plugin_deactivate(instance->core);
        return VST3_OK;
    }
    const bool active =
        stems_plugin_activate(instance->core, instance->rate_hz, instance->block_frames, instance->channels);
    return active ? VST3_OK : VST3_INTERNAL_ERROR;
}

static Vst3Result VST3_CALL set_state(void *self, Vst3Stream *stream)
{
    return vst3_read_state(VST3_INSTANCE(self, component), stream);
}

static Vst3Result VST3_CALL get_state(void *self, Vst3Stream *stream)
{
    return vst3_write_state(VST3_INSTANCE(self, component), stream);
}

const Vst3ComponentTable vst3_component_table = {
    query_interface, add_reference, release,      initialize,   terminate,  controller_class, set_io_mode,
    bus_count,       bus_info,      routing_info, activate_bus, set_active, set_state,        get_state,
};

/* Extension clap.audio-ports: stereo in; stereo out, once for Mix, once for each stem for Multi. */
#include <stdio.h>

#include "plugin.h"

static uint32_t CLAP_ABI count(const ClapPlugin *plugin, bool is_input)
{
    return is_input ? 1 : (uint32_t)stems_buses_of(clap_instance(plugin)->kind);
}

static const char *name_of(const ClapInstance *instance, uint32_t index, bool is_input)
{
    if (is_input) {
        return "in";
    }
    return instance->kind == STEMS_MIX ? "mix" : stems_stem_name(index);
}

static bool CLAP_ABI get(const ClapPlugin *plugin, uint32_t index, bool is_input, ClapAudioPortInfo *info)
{
    if (index >= count(plugin, is_input)) {
        return false;
    }
    *info = (ClapAudioPortInfo){
        .id = index,
        .flags = index == 0 ? CLAP_AUDIO_PORT_IS_MAIN : 0,
        .channel_count = STEMS_MAXIMUM_CHANNELS,
        .port_type = CLAP_PORT_STEREO,
        .in_place_pair = index == 0 ? 0 : CLAP_INVALID_ID,
    };
    snprintf(info->name, sizeof info->name, "%s", name_of(clap_instance(plugin), index, is_input));
    return true;
}

const ClapAudioPorts clap_audio_ports = {count, get};

#include <stddef.h>

#include "stems_plugin.h"

static const StemsSetting KARAOKE[] = {{STEMS_PARAMETER_VOCALS_MUTE, 1}};
static const StemsSetting A_CAPPELLA[] = {{STEMS_PARAMETER_INSTRUMENTAL_MUTE, 1}};
static const StemsSetting VOCALS_DOWN[] = {{STEMS_PARAMETER_VOCALS_GAIN, -6}};
/* The voice as a guide under one's own; a little less is taken out, so the band keeps its body. */
static const StemsSetting PRACTICE[] = {{STEMS_PARAMETER_VOCALS_GAIN, -18}, {STEMS_PARAMETER_FOCUS, 90}};

#define PRESET(symbol, name, settings) {symbol, name, settings, sizeof settings / sizeof settings[0]}

static const StemsPreset PRESETS[] = {
    PRESET("karaoke", "Karaoke (no vocals)", KARAOKE),
    PRESET("a_cappella", "A cappella", A_CAPPELLA),
    PRESET("vocals_down_6_db", "Vocals down 6 dB", VOCALS_DOWN),
    PRESET("practice", "Practice", PRACTICE),
};

size_t stems_preset_count(void)
{
    return sizeof PRESETS / sizeof PRESETS[0];
}

const StemsPreset *stems_preset_at(size_t index)
{
    return index < stems_preset_count() ? &PRESETS[index] : NULL;
}

static double preset_value(const StemsPreset *preset, const StemsParameter *parameter)
{
    for (size_t i = 0; i < preset->setting_count; i++) {
        if (preset->settings[i].id == parameter->id) {
            return preset->settings[i].value;
        }
    }
    return parameter->initial;
}

bool stems_plugin_load_preset(StemsPlugin *plugin, size_t index)
{
    const StemsPreset *preset = stems_preset_at(index);
    for (size_t i = 0; preset != NULL && i < stems_parameter_count(); i++) {
        const StemsParameter *parameter = stems_parameter_at(i);
        if (parameter->id != STEMS_PARAMETER_PROFILE && parameter->id != STEMS_PARAMETER_BYPASS) {
            stems_plugin_set_parameter(plugin, parameter->id, preset_value(preset, parameter));
        }
    }
    return preset != NULL;
}

/* Extension clap.params: the core's table as CLAP has it. */
#include <stdio.h>

#include "parameter_text.h"
#include "plugin.h"

static uint32_t CLAP_ABI count(const ClapPlugin *plugin)
{
    (void)plugin;
    return (uint32_t)stems_parameter_count();
}

static uint32_t flags_of(const StemsParameter *parameter)
{
    uint32_t flags = 0;
    if (parameter->flags & STEMS_FLAG_INTEGER) {
        flags |= CLAP_PARAM_IS_STEPPED;
    }
    if (parameter->flags & STEMS_FLAG_BYPASS) {
        flags |= CLAP_PARAM_IS_BYPASS;
    }
    if (parameter->flags & STEMS_FLAG_OUTPUT) {
        flags |= CLAP_PARAM_IS_READONLY;
    }
    if (!(parameter->flags & (STEMS_FLAG_OUTPUT | STEMS_FLAG_NOT_AUTOMATABLE))) {
        flags |= CLAP_PARAM_IS_AUTOMATABLE;
    }
    return flags;
}

static bool CLAP_ABI get_info(const ClapPlugin *plugin, uint32_t index, ClapParamInfo *info)
{
    const StemsParameter *parameter = stems_parameter_at(index);
    (void)plugin;
    if (parameter == NULL) {
        return false;
    }
    *info = (ClapParamInfo){
        .id = parameter->id,
        .flags = flags_of(parameter),
        .minimum = parameter->minimum,
        .maximum = parameter->maximum,
        .default_value = parameter->initial,
    };
    snprintf(info->name, sizeof info->name, "%s", parameter->name);
    snprintf(info->module, sizeof info->module, "%s", parameter->group);
    return true;
}

static bool CLAP_ABI get_value(const ClapPlugin *plugin, uint32_t id, double *value)
{
    if (stems_parameter_by_id(id) == NULL) {
        return false;
    }
    *value = stems_plugin_get_parameter(clap_instance(plugin)->core, id);
    return true;
}

static bool CLAP_ABI value_to_text(const ClapPlugin *plugin, uint32_t id, double value, char *text, uint32_t capacity)
{
    const StemsParameter *parameter = stems_parameter_by_id(id);
    if (parameter == NULL || capacity == 0) {
        return false;
    }
    stems_shown_text(clap_instance(plugin)->core, parameter, value, text, capacity);
    return true;
}

static bool CLAP_ABI text_to_value(const ClapPlugin *plugin, uint32_t id, const char *text, double *value)
{
    const StemsParameter *parameter = stems_parameter_by_id(id);
    (void)plugin;
    return parameter != NULL && stems_parameter_value(parameter, text, value);
}

void clap_take_event(ClapInstance *instance, const ClapEventHeader *event)
{
    if (event->space_id != CLAP_CORE_EVENT_SPACE || event->type != CLAP_EVENT_PARAM_VALUE) {
        return;
    }
    if (event->size < sizeof(ClapParamValueEvent)) {
        return;
    }
    const ClapParamValueEvent *change = (const ClapParamValueEvent *)event;
    stems_plugin_set_parameter(instance->core, change->param_id, change->value);
}

void clap_tell_outputs(ClapInstance *instance, const ClapOutputEvents *out)
{
    const double status = stems_plugin_get_parameter(instance->core, STEMS_PARAMETER_STATUS);
    if (status == instance->told_status || out == NULL) {
        return;
    }
    const ClapParamValueEvent event = {
        .header = {.size = sizeof event, .space_id = CLAP_CORE_EVENT_SPACE, .type = CLAP_EVENT_PARAM_VALUE},
        .param_id = STEMS_PARAMETER_STATUS,
        .note_id = -1,
        .port_index = -1,
        .channel = -1,
        .key = -1,
        .value = status,
    };
    if (out->try_push(out, &event.header)) {
        instance->told_status = status;
    }
}

static void CLAP_ABI flush(const ClapPlugin *plugin, const ClapInputEvents *in, const ClapOutputEvents *out)
{
    ClapInstance *instance = clap_instance(plugin);
    for (uint32_t index = 0; in != NULL && index < in->size(in); index++) {
        clap_take_event(instance, in->get(in, index));
    }
    clap_tell_outputs(instance, out);
    if (!stems_plugin_is_active(instance->core)) {
        clap_tell_latency(instance);
    }
}

const ClapParams clap_params = {count, get_info, get_value, value_to_text, text_to_value, flush};

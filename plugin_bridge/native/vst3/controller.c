/* IEditController: the core's parameters, and two of VST 3's own: presets, and a hidden one that carries the latency.
 */
#include <math.h>
#include <string.h>

#include "instance.h"
#include "parameter_text.h"
#include "text.h"

VST3_DEFINE_UNKNOWN(controller)

enum { OWN_PARAMETERS = 2 };

/* ---- Values ---- */

double vst3_plain(const StemsParameter *parameter, double normalized)
{
    const double range = parameter->maximum - parameter->minimum;
    if (parameter->step_count == 0) {
        return parameter->minimum + range * normalized;
    }
    const double steps = parameter->step_count;
    return parameter->minimum + fmin(steps, floor(normalized * (steps + 1.0)));
}

double vst3_normalized(const StemsParameter *parameter, double plain)
{
    return (plain - parameter->minimum) / (parameter->maximum - parameter->minimum);
}

/* Program 0 stands for "as set" and changes nothing, so a host that restores it leaves the parameters alone. */
static void take_program(Vst3Instance *instance, double normalized)
{
    const double count = (double)stems_preset_count();
    const size_t program = (size_t)fmin(count, floor(normalized * (count + 1.0)));
    if (program != 0) {
        stems_plugin_load_preset(instance->core, program - 1);
    }
}

Vst3Result vst3_take_value(Vst3Instance *instance, uint32_t id, double normalized)
{
    const StemsParameter *parameter = stems_parameter_by_id(id);
    if (!(normalized >= 0.0 && normalized <= 1.0)) {
        return VST3_INVALID_ARGUMENT;
    }
    if (id == STEMS_PRESET_PARAMETER) {
        take_program(instance, normalized);
        return VST3_OK;
    }
    if (parameter == NULL) {
        return VST3_INVALID_ARGUMENT;
    }
    const bool taken = stems_plugin_set_parameter(instance->core, id, vst3_plain(parameter, normalized));
    return taken ? VST3_OK : VST3_INVALID_ARGUMENT;
}

static double VST3_CALL get(void *self, uint32_t id)
{
    const Vst3Instance *instance = VST3_INSTANCE(self, controller);
    const StemsParameter *parameter = stems_parameter_by_id(id);
    if (id == STEMS_LATENCY_PARAMETER) {
        return stems_plugin_latency_samples(instance->core) / VST3_LATENCY_SCALE;
    }
    return parameter == NULL ? 0.0 : vst3_normalized(parameter, stems_plugin_get_parameter(instance->core, id));
}

static Vst3Result restart(const Vst3Instance *instance, int32_t flags)
{
    return instance->handler == NULL ? VST3_OK : instance->handler->table->restart(instance->handler, flags);
}

/* Main thread. What the processor gave out comes back here: another latency is told to the host from this thread. */
static Vst3Result VST3_CALL set(void *self, uint32_t id, double normalized)
{
    Vst3Instance *instance = VST3_INSTANCE(self, controller);
    if (id == STEMS_LATENCY_PARAMETER) {
        return restart(instance, VST3_LATENCY_CHANGED);
    }
    if (id == STEMS_PARAMETER_STATUS) {
        return VST3_OK;
    }
    const Vst3Result result = vst3_take_value(instance, id, normalized);
    if (id == STEMS_PRESET_PARAMETER && normalized > 0.0) {
        restart(instance, VST3_VALUES_CHANGED);
    }
    return result;
}

static double VST3_CALL to_plain(void *self, uint32_t id, double normalized)
{
    const StemsParameter *parameter = stems_parameter_by_id(id);
    (void)self;
    return parameter == NULL ? normalized : vst3_plain(parameter, normalized);
}

static double VST3_CALL to_normalized(void *self, uint32_t id, double plain)
{
    const StemsParameter *parameter = stems_parameter_by_id(id);
    (void)self;
    return parameter == NULL ? plain : fmin(fmax(vst3_normalized(parameter, plain), 0.0), 1.0);
}

/* ---- Description ---- */

static int32_t VST3_CALL count(void *self)
{
    (void)self;
    return (int32_t)stems_parameter_count() + OWN_PARAMETERS;
}

static int32_t flags_of(const StemsParameter *parameter)
{
    int32_t flags = 0;
    if (parameter->flags & STEMS_FLAG_OUTPUT) {
        flags |= VST3_READ_ONLY;
    }
    if (!(parameter->flags & (STEMS_FLAG_OUTPUT | STEMS_FLAG_NOT_AUTOMATABLE))) {
        flags |= VST3_CAN_AUTOMATE;
    }
    if (parameter->flags & STEMS_FLAG_ENUM) {
        flags |= VST3_IS_LIST;
    }
    if (parameter->flags & STEMS_FLAG_BYPASS) {
        flags |= VST3_IS_BYPASS;
    }
    return flags;
}

static void describe(const StemsParameter *parameter, Vst3ParameterInfo *info)
{
    info->id = parameter->id;
    vst3_text_from_ascii(info->title, parameter->name);
    vst3_text_from_ascii(info->unit, parameter->unit);
    info->step_count = (int32_t)parameter->step_count;
    info->default_normalized = vst3_normalized(parameter, parameter->initial);
    info->flags = flags_of(parameter);
}

static void describe_preset(Vst3ParameterInfo *info)
{
    info->id = STEMS_PRESET_PARAMETER;
    vst3_text_from_ascii(info->title, "Preset");
    info->step_count = (int32_t)stems_preset_count();
    info->flags = VST3_IS_LIST | VST3_IS_PROGRAM;
}

static void describe_latency(Vst3ParameterInfo *info)
{
    info->id = STEMS_LATENCY_PARAMETER;
    vst3_text_from_ascii(info->title, "Latency");
    info->flags = VST3_READ_ONLY | VST3_IS_HIDDEN;
}

static Vst3Result VST3_CALL describe_at(void *self, int32_t index, Vst3ParameterInfo *info)
{
    const int32_t own = index - (int32_t)stems_parameter_count();
    if (index < 0 || own >= OWN_PARAMETERS) {
        return VST3_INVALID_ARGUMENT;
    }
    (void)self;
    memset(info, 0, sizeof *info);
    if (own < 0) {
        describe(stems_parameter_at((size_t)index), info);
    }
    if (own == 0) {
        describe_preset(info);
    }
    if (own == 1) {
        describe_latency(info);
    }
    memcpy(info->short_title, info->title, sizeof info->title);
    return VST3_OK;
}

/* ---- Texts ---- */

static Vst3Result VST3_CALL value_to_text(void *self, uint32_t id, double normalized, uint16_t *text)
{
    const Vst3Instance *instance = VST3_INSTANCE(self, controller);
    const StemsParameter *parameter = stems_parameter_by_id(id);
    char narrow[VST3_TEXT_UNITS] = "";
    if (id == STEMS_PRESET_PARAMETER) {
        const double presets = (double)stems_preset_count();
        const size_t program = (size_t)fmin(presets, floor(normalized * (presets + 1.0)));
        vst3_text_from_ascii(text, program == 0 ? "(as set)" : stems_preset_at(program - 1)->name);
        return VST3_OK;
    }
    if (parameter == NULL) {
        return VST3_INVALID_ARGUMENT;
    }
    stems_shown_text(instance->core, parameter, vst3_plain(parameter, normalized), narrow, sizeof narrow);
    vst3_text_from_ascii(text, narrow);
    return VST3_OK;
}

static Vst3Result VST3_CALL text_to_value(void *self, uint32_t id, uint16_t *text, double *normalized)
{
    const StemsParameter *parameter = stems_parameter_by_id(id);
    char narrow[VST3_TEXT_UNITS];
    double plain;
    if (parameter == NULL) {
        return VST3_INVALID_ARGUMENT;
    }
    vst3_text_to_ascii(narrow, sizeof narrow, text);
    if (!stems_parameter_value(parameter, narrow, &plain)) {
        return VST3_FALSE;
    }
    *normalized = to_normalized(self, id, plain);
    return VST3_OK;
}

/* ---- The rest of the interface ---- */

static Vst3Result VST3_CALL initialize(void *self, void *context)
{
    (void)self, (void)context;
    return VST3_OK;
}

static Vst3Result VST3_CALL terminate(void *self)
{
    (void)self;
    return VST3_OK;
}

/* The component, which is this object, has read its state already; the controller has none of its own. */
static Vst3Result VST3_CALL ignore_state(void *self, Vst3Stream *stream)
{
    (void)self, (void)stream;
    return VST3_OK;
}

static Vst3Result VST3_CALL set_handler(void *self, Vst3Handler *handler)
{
    Vst3Instance *instance = VST3_INSTANCE(self, controller);
    if (handler != NULL) {
        handler->table->add_reference(handler);
    }
    if (instance->handler != NULL) {
        instance->handler->table->release(instance->handler);
    }
    instance->handler = handler;
    return VST3_OK;
}

static void *VST3_CALL create_view(void *self, const char *name)
{
    (void)self, (void)name;
    return NULL;
}

const Vst3ControllerTable vst3_controller_table = {
    query_interface, add_reference, release, initialize,  terminate,     ignore_state,
    ignore_state,    ignore_state,  count,   describe_at, value_to_text, text_to_value,
    to_plain,        to_normalized, get,     set,         set_handler,   create_view,
};

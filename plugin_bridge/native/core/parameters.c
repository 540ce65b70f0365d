#include "parameters.h"

#include <math.h>
#include <stddef.h>

static const char *const PROFILE_LABELS[] = {"Live", "Studio", "Light", "Short"};
static const char *const STATUS_LABELS[] = {"Off", "Starting", "Connected", "Fallback", "Refused"};

enum { TOGGLE = STEMS_FLAG_TOGGLE | STEMS_FLAG_INTEGER, ENUMERATION = STEMS_FLAG_ENUM | STEMS_FLAG_INTEGER };

#define STEM(prefix, symbol, group)                                                                                  \
    {STEMS_PARAMETER_##prefix##_GAIN, symbol "_gain", group " gain", group, "dB", -60, 12, 0, 0, 0, NULL},           \
        {STEMS_PARAMETER_##prefix##_MUTE, symbol "_mute", group " mute", group, "", 0, 1, 0, 1, TOGGLE, NULL},       \
    {                                                                                                                \
        STEMS_PARAMETER_##prefix##_SOLO, symbol "_solo", group " solo", group, "", 0, 1, 0, 1, TOGGLE, NULL          \
    }

static const StemsParameter TABLE[PARAMETER_COUNT] = {
    {STEMS_PARAMETER_BYPASS, "bypass", "Bypass", "", "", 0, 1, 0, 1, TOGGLE | STEMS_FLAG_BYPASS, NULL},
    STEM(VOCALS, "vocals", "Vocals"),
    STEM(INSTRUMENTAL, "instrumental", "Instrumental"),
    {STEMS_PARAMETER_DRY_WET, "dry_wet", "Dry/wet", "", "%", 0, 100, 100, 0, 0, NULL},
    {STEMS_PARAMETER_FOCUS, "focus", "Focus", "", "%", 0, 150, 100, 0, 0, NULL},
    {STEMS_PARAMETER_PROFILE, "profile", "Profile", "", "", 0, 3, 0, 3, ENUMERATION | STEMS_FLAG_NOT_AUTOMATABLE,
     PROFILE_LABELS},
    {STEMS_PARAMETER_STATUS, "status", "Status", "", "", 0, 4, 0, 4, ENUMERATION | STEMS_FLAG_OUTPUT, STATUS_LABELS},
};

size_t stems_parameter_count(void)
{
    return PARAMETER_COUNT;
}

const StemsParameter *stems_parameter_at(size_t index)
{
    return index < PARAMETER_COUNT ? &TABLE[index] : NULL;
}

static size_t index_of(uint32_t id) STEMS_NONBLOCKING
{
    size_t index = 0;
    while (index < PARAMETER_COUNT && TABLE[index].id != id) {
        index++;
    }
    return index;
}

const StemsParameter *stems_parameter_by_id(uint32_t id)
{
    return stems_parameter_at(index_of(id));
}

void parameters_initialize(Parameters *parameters)
{
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        atomic_init(&parameters->values[i], TABLE[i].initial);
    }
}

/* Half away from zero; by hand, since the compiler cannot tell that libm's round does not block. */
static double rounded(double value) STEMS_NONBLOCKING
{
    return (double)(int)(value + 0.5);
}

bool parameters_set(Parameters *parameters, uint32_t id, double value) STEMS_NONBLOCKING
{
    size_t index = index_of(id);
    if (index == PARAMETER_COUNT || (TABLE[index].flags & STEMS_FLAG_OUTPUT) != 0 || isnan(value)) {
        return false;
    }
    const StemsParameter *parameter = &TABLE[index];
    value = value < parameter->minimum ? parameter->minimum : value > parameter->maximum ? parameter->maximum : value;
    if ((parameter->flags & STEMS_FLAG_INTEGER) != 0) {
        value = rounded(value);
    }
    atomic_store_explicit(&parameters->values[index], value, memory_order_relaxed);
    return true;
}

double parameters_get(const Parameters *parameters, uint32_t id) STEMS_NONBLOCKING
{
    size_t index = index_of(id);
    if (index == PARAMETER_COUNT || (TABLE[index].flags & STEMS_FLAG_OUTPUT) != 0) {
        return 0.0;
    }
    return atomic_load_explicit(&parameters->values[index], memory_order_relaxed);
}

bool parameters_accept(uint32_t id, double value)
{
    const StemsParameter *parameter = stems_parameter_by_id(id);
    if (parameter == NULL || (parameter->flags & STEMS_FLAG_OUTPUT) != 0) {
        return false;
    }
    bool is_whole = (parameter->flags & STEMS_FLAG_INTEGER) == 0 || value == floor(value);
    return value >= parameter->minimum && value <= parameter->maximum && is_whole;
}

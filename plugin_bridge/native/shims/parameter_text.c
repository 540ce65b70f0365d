#include "parameter_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const SWITCH_LABELS[] = {"Off", "On"};
static const char SILENCE[] = "-inf";

static const char *const *labels_of(const StemsParameter *parameter)
{
    return (parameter->flags & STEMS_FLAG_TOGGLE) ? SWITCH_LABELS : parameter->labels;
}

static bool is_decibels(const StemsParameter *parameter)
{
    return strcmp(parameter->unit, "dB") == 0;
}

/* A number with one decimal, whatever the locale: a host may have set one that writes commas. */
static void write_tenths(double value, const char *unit, char *text, size_t capacity)
{
    const long tenths = lround(value * 10.0);
    const long size = labs(tenths);
    snprintf(text, capacity, "%s%ld.%ld%s%s", tenths < 0 ? "-" : "", size / 10, size % 10, *unit ? " " : "", unit);
}

void stems_parameter_text(const StemsParameter *parameter, double value, char *text, size_t capacity)
{
    const char *const *labels = labels_of(parameter);
    if (labels != NULL) {
        const double step = fmin(fmax(round(value - parameter->minimum), 0.0), (double)parameter->step_count);
        snprintf(text, capacity, "%s", labels[(size_t)step]);
    } else if (is_decibels(parameter) && value <= parameter->minimum) {
        snprintf(text, capacity, "%s dB", SILENCE);
    } else {
        write_tenths(value, parameter->unit, text, capacity);
    }
}

void stems_shown_text(const StemsPlugin *plugin, const StemsParameter *parameter, double value, char *text,
                      size_t capacity)
{
    stems_parameter_text(parameter, value, text, capacity);
    if (parameter->id != STEMS_PARAMETER_STATUS || value != (double)stems_plugin_status(plugin)) {
        return;
    }
    const size_t length = strlen(text);
    if (length + 3 > capacity) {
        return;
    }
    memcpy(text + length, ": ", 3);
    if (stems_plugin_status_text(plugin, text + length + 2, capacity - length - 2) == 0) {
        text[length] = '\0';
    }
}

static bool find_label(const StemsParameter *parameter, const char *text, double *value)
{
    const char *const *labels = labels_of(parameter);
    for (uint32_t step = 0; labels != NULL && step <= parameter->step_count; step++) {
        if (strcmp(labels[step], text) != 0) {
            continue;
        }
        *value = parameter->minimum + step;
        return true;
    }
    return false;
}

/* [sign] digits [point digits], with '.' or ',' for the point. */
static bool read_number(const char *text, double *value)
{
    double number = 0.0, place = 1.0;
    bool any = false, behind_point = false;
    while (*text == ' ') {
        text++;
    }
    const double sign = *text == '-' ? -1.0 : 1.0;
    if (*text == '-' || *text == '+') {
        text++;
    }
    for (; *text != '\0'; text++) {
        if ((*text == '.' || *text == ',') && !behind_point) {
            behind_point = true;
            continue;
        }
        if (*text < '0' || *text > '9') {
            break;
        }
        number = number * 10.0 + (*text - '0');
        if (behind_point) {
            place *= 10.0;
        }
        any = true;
    }
    if (any) {
        *value = sign * number / place;
    }
    return any;
}

bool stems_parameter_value(const StemsParameter *parameter, const char *text, double *value)
{
    if (find_label(parameter, text, value)) {
        return true;
    }
    if (is_decibels(parameter) && strncmp(text, SILENCE, sizeof SILENCE - 1) == 0) {
        *value = parameter->minimum;
        return true;
    }
    return read_number(text, value);
}

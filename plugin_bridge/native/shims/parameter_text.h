/* Values of parameters as people read and type them: "-6.0 dB", "100.0 %", "On", "Studio". */
#ifndef STEMS_PARAMETER_TEXT_H
#define STEMS_PARAMETER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "stems_plugin.h"

/* Writes at most capacity bytes, the last a zero. */
void stems_parameter_text(const StemsParameter *parameter, double value, char *text, size_t capacity);

/* The same, and behind the status that `plugin` has now, why. Not for the audio thread. */
void stems_shown_text(const StemsPlugin *plugin, const StemsParameter *parameter, double value, char *text,
                      size_t capacity);

/* Reads what stems_parameter_text writes, and numbers with or without their unit, whatever the locale; false, and
   `value` as it was, where there is neither label nor number. Does not clamp: the core does. */
bool stems_parameter_value(const StemsParameter *parameter, const char *text, double *value);

#endif

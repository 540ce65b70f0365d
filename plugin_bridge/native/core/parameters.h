/* The values of stems_plugin.h's parameter table, shared by all threads. */
#ifndef PHOENIX_PARAMETERS_H
#define PHOENIX_PARAMETERS_H

#include <stdatomic.h>

#include "stems_plugin.h"

enum { PARAMETER_COUNT = 11 };

typedef struct {
    _Atomic double values[PARAMETER_COUNT]; /* in the table's order; of outputs unused */
} Parameters;

void parameters_initialize(Parameters *parameters);

/* As stems_plugin_set_parameter and ..._get_parameter; outputs read as 0. */
bool parameters_set(Parameters *parameters, uint32_t id, double value) STEMS_NONBLOCKING;
double parameters_get(const Parameters *parameters, uint32_t id) STEMS_NONBLOCKING;

/* Whether a value could be set as it is: known, no output, in range, whole where due. */
bool parameters_accept(uint32_t id, double value);

#endif

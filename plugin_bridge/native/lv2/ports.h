/* Which port is what. The plugin and the program that writes its description both read it from here.
 *
 *   0, 1                     audio in, left and right
 *   2 ... 1 + 2 x buses      audio out
 *   then                     latency (out), freewheel (in)
 *   then                     one port for each parameter of the core, in its order, which only grows at the end
 */
#ifndef STEMS_LV2_PORTS_H
#define STEMS_LV2_PORTS_H

#include <stdint.h>

#include "identity.h"

typedef struct {
    uint32_t first_output;
    uint32_t latency;
    uint32_t freewheel;
    uint32_t first_parameter;
    uint32_t count;
} Lv2Ports;

enum { LV2_CHANNELS = 2, LV2_MAXIMUM_PORTS = 2 + LV2_CHANNELS * (1 + STEMS_MAXIMUM_BUSES) + STEMS_MAXIMUM_PARAMETERS };

Lv2Ports lv2_ports(StemsKind kind);

#endif

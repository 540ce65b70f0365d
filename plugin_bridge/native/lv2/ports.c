#include "ports.h"

Lv2Ports lv2_ports(StemsKind kind)
{
    Lv2Ports ports;
    ports.first_output = LV2_CHANNELS;
    ports.latency = ports.first_output + LV2_CHANNELS * (uint32_t)stems_buses_of(kind);
    ports.freewheel = ports.latency + 1;
    ports.first_parameter = ports.freewheel + 1;
    ports.count = ports.first_parameter + (uint32_t)stems_parameter_count();
    return ports;
}

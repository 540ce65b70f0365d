/* Writes the bundle's description in Turtle from the core's tables. Runs when the plugin is built, never in a host. */
#ifndef STEMS_LV2_TTL_H
#define STEMS_LV2_TTL_H

#include <stdio.h>

#include "identity.h"

static inline const char *ttl_uri(StemsKind kind)
{
    return kind == STEMS_MIX ? STEMS_MIX_URI : STEMS_MULTI_URI;
}

static inline const char *ttl_file(StemsKind kind)
{
    return kind == STEMS_MIX ? "mix.ttl" : "multi.ttl";
}

/* What a port holds where the core's parameter holds `value`: LV2 has "enabled" where others have bypass. */
static inline double ttl_port_value(const StemsParameter *parameter, double value)
{
    return (parameter->flags & STEMS_FLAG_BYPASS) ? 1.0 - value : value;
}

static inline const char *ttl_symbol(const StemsParameter *parameter)
{
    return (parameter->flags & STEMS_FLAG_BYPASS) ? "enabled" : parameter->symbol;
}

void ttl_write_plugin(FILE *file, StemsKind kind);
void ttl_write_presets(FILE *file);
void ttl_write_preset_list(FILE *file); /* for the manifest */

#endif

/* Who the plugins are: the same in every format, and stable for ever, since sessions refer to it. */
#ifndef STEMS_IDENTITY_H
#define STEMS_IDENTITY_H

#include "stems_plugin.h"

#define STEMS_VENDOR "phoenix-stems"
#define STEMS_MIX_NAME "Phoenix Stems Mix"
#define STEMS_MULTI_NAME "Phoenix Stems Multi"
#define STEMS_MIX_SUMMARY "Separates music into stems, live, and mixes them with a gain each"
#define STEMS_MULTI_SUMMARY "Separates music into stems, live, with a stereo output for each"
#define STEMS_MIX_URI "urn:phoenix-stems:mix"
#define STEMS_MULTI_URI "urn:phoenix-stems:multi"
#define STEMS_MIX_CLAP_ID "phoenix-stems.mix"
#define STEMS_MULTI_CLAP_ID "phoenix-stems.multi"

enum {
    STEMS_KIND_COUNT = 2,
    STEMS_MAXIMUM_PARAMETERS = 64,  /* room in a shim's tables; the core has fewer, and tests check it */
    STEMS_LATENCY_PARAMETER = 1000, /* identifiers of what a format adds to the core's parameters */
    STEMS_PRESET_PARAMETER = 1001,
    STEMS_USUAL_BLOCK_FRAMES = 1024 /* where a host does not say how long its blocks are */
};

static inline int stems_buses_of(StemsKind kind)
{
    return kind == STEMS_MIX ? 1 : STEMS_STEM_COUNT;
}

#endif

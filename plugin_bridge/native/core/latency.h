/* The latency reported to the host: a sum of named terms, as in docs/latency.md and plugin_bridge/latency.py.

   A host wants to know it before any server has been asked, and it must not change when one is. So the server's terms of each
   profile are known here; a server that needs less is played just as late, one that needs more raises the sum (stems_plugin.h). */
#ifndef PHOENIX_LATENCY_H
#define PHOENIX_LATENCY_H

#include <stdint.h>

#include "nonblocking.h"

/* As sessions store them: new ones come last. */
typedef enum { PROFILE_LIVE = 0, PROFILE_STUDIO = 1, PROFILE_LIGHT = 2, PROFILE_SHORT = 3, PROFILE_COUNT = 4 } Profile;

typedef struct {
    uint32_t block_adaptation, hop, synthesis_overlap, look_ahead, resampler, round_trip; /* samples at the host's rate */
} LatencyBudget;

const char *profile_name(Profile profile); /* as on the wire */

LatencyBudget latency_budget(Profile profile, uint32_t rate_hz, uint32_t max_block_frames);
uint32_t latency_server_total(const LatencyBudget *budget); /* the server's four terms */
uint32_t latency_total(const LatencyBudget *budget);

#endif

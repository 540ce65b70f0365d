#include "crossing.h"

#include <string.h>

enum { SPARE_SECONDS = 2 }; /* by which a server may need more latency than is usual, and a thread may be late */

bool crossing_create(Crossing *crossing, uint32_t rate_hz, uint32_t channels, uint32_t max_block_frames)
{
    memset(crossing, 0, sizeof *crossing);
    crossing->rate_hz = rate_hz;
    crossing->channels = channels;
    crossing->max_block_frames = max_block_frames;
    uint32_t longest = 0;
    for (int profile = 0; profile < PROFILE_COUNT; profile++) {
        crossing->budgets[profile] = latency_budget((Profile)profile, rate_hz, max_block_frames);
        uint32_t total = latency_total(&crossing->budgets[profile]);
        longest = total > longest ? total : longest;
    }
    crossing->maximum_latency_samples = longest + SPARE_SECONDS * rate_hz;
    size_t in_frames = SPARE_SECONDS * rate_hz + 2U * max_block_frames;
    size_t out_frames = crossing->maximum_latency_samples + 2U * max_block_frames;
    /* Hosts that send single frames send 64 of them in the time in which others send one block; the worker is far quicker than that. */
    return ring_create(&crossing->to_worker, block_ring_bytes(channels, in_frames, 8)) &&
           ring_create(&crossing->from_worker, block_ring_bytes(channels, out_frames, 64));
}

void crossing_destroy(Crossing *crossing)
{
    ring_destroy(&crossing->to_worker);
    ring_destroy(&crossing->from_worker);
}

uint32_t crossing_latency(const Crossing *crossing, Profile profile) STEMS_NONBLOCKING
{
    const LatencyBudget *budget = &crossing->budgets[profile];
    return budget->block_adaptation + budget->hop + budget->synthesis_overlap + budget->look_ahead + budget->resampler +
           budget->round_trip + atomic_load_explicit(&crossing->extra_samples[profile], memory_order_relaxed);
}

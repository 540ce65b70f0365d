#include "latency.h"

enum {
    MODEL_RATE_HZ = 44100,
    DEFAULT_ROUND_TRIP_SAMPLES = 768, /* at the model's rate: 17.4 ms */
    RESAMPLER_HALF_WIDTH = 40         /* docs/adr/0003 */
};

typedef struct {
    const char *name;
    uint32_t hop, synthesis_overlap, look_ahead; /* samples at the model's rate */
} Terms;

/* The largest of the models that are shipped; a test holds them to the server's. */
static const Terms TERMS[PROFILE_COUNT] = {
    {"live", 512, 512, 0}, {"studio", 4096, 3584, 5120}, {"live-light", 512, 512, 0}, {"live-short", 256, 256, 0}};

const char *profile_name(Profile profile)
{
    return TERMS[profile].name;
}

static int64_t ceil_divide(int64_t value, int64_t by)
{
    return value >= 0 ? (value + by - 1) / by : -(-value / by);
}

static uint32_t greatest_common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Input samples that a conversion reads beyond the moment of an output sample. */
static int64_t half_width(int64_t up, int64_t down)
{
    return up == down ? 0 : ceil_divide(RESAMPLER_HALF_WIDTH * (up > down ? up : down), up);
}

static uint32_t host_samples(uint32_t model_samples, uint32_t rate_hz)
{
    return (uint32_t)ceil_divide((int64_t)model_samples * rate_hz, MODEL_RATE_HZ);
}

/* How much input beyond a sample the server needs: the worst of all the ways in which hops meet the host's grid (dsp/latency.py). */
static int64_t worst_case(const Terms *terms, uint32_t rate_hz)
{
    int64_t common = greatest_common_divisor(MODEL_RATE_HZ, rate_hz);
    int64_t up = MODEL_RATE_HZ / common, down = rate_hz / common, worst = 0;
    int64_t delay = (int64_t)terms->synthesis_overlap + terms->look_ahead;
    for (int64_t i = 0; i < up; i++) {
        int64_t boundary = i * terms->hop;
        int64_t first = ceil_divide((boundary - delay - half_width(down, up)) * down, up);
        int64_t needed = (boundary + terms->hop - 1) * down / up + half_width(up, down) + 1;
        worst = needed - first > worst ? needed - first : worst;
    }
    return worst;
}

LatencyBudget latency_budget(Profile profile, uint32_t rate_hz, uint32_t max_block_frames)
{
    const Terms *terms = &TERMS[profile];
    LatencyBudget budget = {
        .block_adaptation = max_block_frames, /* what one callback sends can be read by the next at the earliest */
        .hop = host_samples(terms->hop, rate_hz),
        .synthesis_overlap = host_samples(terms->synthesis_overlap, rate_hz),
        .look_ahead = host_samples(terms->look_ahead, rate_hz),
        .round_trip = host_samples(DEFAULT_ROUND_TRIP_SAMPLES, rate_hz),
    };
    int64_t others = (int64_t)budget.hop + budget.synthesis_overlap + budget.look_ahead;
    budget.resampler = (uint32_t)(worst_case(terms, rate_hz) - others);
    return budget;
}

uint32_t latency_server_total(const LatencyBudget *budget)
{
    return budget->hop + budget->synthesis_overlap + budget->look_ahead + budget->resampler;
}

uint32_t latency_total(const LatencyBudget *budget)
{
    return budget->block_adaptation + latency_server_total(budget) + budget->round_trip;
}

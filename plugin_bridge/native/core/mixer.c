#include "mixer.h"

enum { RAMP_MS = 20 };

typedef struct {
    double dry, vocals;
} Coefficients;

/* 10^(db / 20) without libm, which is not known to be free of locks: exp by repeated squaring of its series. */
static double from_decibels(double db) STEMS_NONBLOCKING
{
    double x = db * 0.11512925464970229 / 1024.0; /* ln 10 / 20 */
    double power = 1.0 + x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0)));
    for (int i = 0; i < 10; i++) {
        power *= power;
    }
    return power;
}

/* A stem's own gain, after mute and the other's solo. */
static double stem_gain(const Parameters *parameters, uint32_t first_id, uint32_t other_solo_id) STEMS_NONBLOCKING
{
    bool is_muted = parameters_get(parameters, first_id + 1) > 0.5;
    bool is_soloed = parameters_get(parameters, first_id + 2) > 0.5;
    bool is_left_out = parameters_get(parameters, other_solo_id) > 0.5 && !is_soloed;
    double db = parameters_get(parameters, first_id);
    if (is_muted || is_left_out || db <= -60.0) {
        return 0.0;
    }
    return db == 0.0 ? 1.0 : from_decibels(db);
}

/* How a gain acts: what is turned down is removed `focus` times as strongly. */
static double focused(double gain, double focus) STEMS_NONBLOCKING
{
    return gain < 1.0 && focus != 1.0 ? 1.0 - focus * (1.0 - gain) : gain;
}

/* What a bus holds before dry/wet (stems_plugin.h says in words what this says in numbers). */
static Coefficients wet(StemsKind kind, int bus, double vocals, double instrumental, double focus) STEMS_NONBLOCKING
{
    if (kind == STEMS_MIX) {
        double under = focused(instrumental, focus);
        return (Coefficients){under, focused(vocals, focus) - under};
    }
    if (bus == 0) {
        return (Coefficients){vocals * (1.0 - focus), vocals * focus};
    }
    return (Coefficients){instrumental, -instrumental * focus};
}

static Coefficients wanted(const Mixer *mixer, const Parameters *parameters, int bus) STEMS_NONBLOCKING
{
    double vocals = stem_gain(parameters, STEMS_PARAMETER_VOCALS_GAIN, STEMS_PARAMETER_INSTRUMENTAL_SOLO);
    double instrumental = stem_gain(parameters, STEMS_PARAMETER_INSTRUMENTAL_GAIN, STEMS_PARAMETER_VOCALS_SOLO);
    double focus = parameters_get(parameters, STEMS_PARAMETER_FOCUS) / 100.0;
    double blend = parameters_get(parameters, STEMS_PARAMETER_DRY_WET) / 100.0;
    if (parameters_get(parameters, STEMS_PARAMETER_BYPASS) > 0.5) {
        blend = 0.0;
    }
    bool gets_dry = mixer->kind == STEMS_MIX || bus == STEMS_STEM_COUNT - 1;
    Coefficients bus_wet = wet(mixer->kind, bus, vocals, instrumental, focus);
    return (Coefficients){blend * bus_wet.dry + (gets_dry ? 1.0 - blend : 0.0), blend * bus_wet.vocals};
}

static void aim(Ramp *ramp, double target, uint32_t frames) STEMS_NONBLOCKING
{
    ramp->target = (float)target;
    ramp->step = (ramp->target - ramp->now) / (float)frames;
}

static bool is_aimed(const Mixer *mixer, int bus, Coefficients coefficients) STEMS_NONBLOCKING
{
    return mixer->dry[bus].target == (float)coefficients.dry && mixer->vocals[bus].target == (float)coefficients.vocals;
}

void mixer_reset(Mixer *mixer, StemsKind kind, uint32_t rate_hz, const Parameters *parameters) STEMS_NONBLOCKING
{
    mixer->kind = kind;
    mixer->ramp_frames = rate_hz * RAMP_MS / 1000 + 1;
    mixer->left_frames = 0;
    for (int bus = 0; bus < STEMS_MAXIMUM_BUSES; bus++) {
        Coefficients coefficients = wanted(mixer, parameters, bus);
        mixer->dry[bus] = (Ramp){(float)coefficients.dry, (float)coefficients.dry, 0.0F};
        mixer->vocals[bus] = (Ramp){(float)coefficients.vocals, (float)coefficients.vocals, 0.0F};
    }
}

void mixer_update(Mixer *mixer, const Parameters *parameters) STEMS_NONBLOCKING
{
    Coefficients all[STEMS_MAXIMUM_BUSES];
    bool changed = false;
    for (int bus = 0; bus < STEMS_MAXIMUM_BUSES; bus++) {
        all[bus] = wanted(mixer, parameters, bus);
        changed = changed || !is_aimed(mixer, bus, all[bus]);
    }
    if (!changed) {
        return;
    }
    mixer->left_frames = mixer->ramp_frames;
    for (int bus = 0; bus < STEMS_MAXIMUM_BUSES; bus++) {
        aim(&mixer->dry[bus], all[bus].dry, mixer->ramp_frames);
        aim(&mixer->vocals[bus], all[bus].vocals, mixer->ramp_frames);
    }
}

/* The ramp's value some frames on; counted back from its end, so that it ends exactly there. */
static float value_at(const Ramp *ramp, uint32_t left_frames, uint32_t frames) STEMS_NONBLOCKING
{
    return frames >= left_frames ? ramp->target : ramp->target - ramp->step * (float)(left_frames - frames);
}

void mixer_mix(const Mixer *mixer, int bus, const float *dry, const float *vocals, float *to, uint32_t frames) STEMS_NONBLOCKING
{
    const Ramp *alpha = &mixer->dry[bus], *beta = &mixer->vocals[bus];
    uint32_t ramped = mixer->left_frames < frames ? mixer->left_frames : frames;
    for (uint32_t i = 0; i < ramped; i++) {
        to[i] = value_at(alpha, mixer->left_frames, i + 1) * dry[i] + value_at(beta, mixer->left_frames, i + 1) * vocals[i];
    }
    for (uint32_t i = ramped; i < frames; i++) {
        to[i] = alpha->target * dry[i] + beta->target * vocals[i];
    }
}

void mixer_advance(Mixer *mixer, uint32_t frames) STEMS_NONBLOCKING
{
    for (int bus = 0; bus < STEMS_MAXIMUM_BUSES; bus++) {
        mixer->dry[bus].now = value_at(&mixer->dry[bus], mixer->left_frames, frames);
        mixer->vocals[bus].now = value_at(&mixer->vocals[bus], mixer->left_frames, frames);
    }
    mixer->left_frames -= frames < mixer->left_frames ? frames : mixer->left_frames;
}

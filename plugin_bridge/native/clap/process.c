/* Audio: the block is cut where events are, so that every value holds from its own sample on. */
#include "plugin.h"

enum { CHANNELS = STEMS_MAXIMUM_CHANNELS };

static bool has_our_shape(const ClapInstance *instance, const ClapProcess *process)
{
    const uint32_t buses = (uint32_t)stems_buses_of(instance->kind);
    if (process->audio_inputs_count != 1 || process->audio_outputs_count != buses) {
        return false;
    }
    if (process->audio_inputs[0].channel_count != CHANNELS || process->audio_inputs[0].data32 == NULL) {
        return false;
    }
    for (uint32_t bus = 0; bus < buses; bus++) {
        const ClapAudioBuffer *output = &process->audio_outputs[bus];
        if (output->channel_count != CHANNELS || output->data32 == NULL) {
            return false;
        }
    }
    return true;
}

static StemsResult process_piece(ClapInstance *instance, const ClapProcess *process, uint32_t start, uint32_t end)
{
    float *channels[STEMS_MAXIMUM_BUSES][CHANNELS];
    float *const *buses[STEMS_MAXIMUM_BUSES];
    const float *input[CHANNELS];
    for (uint32_t channel = 0; channel < CHANNELS; channel++) {
        input[channel] = process->audio_inputs[0].data32[channel] + start;
        for (uint32_t bus = 0; bus < process->audio_outputs_count; bus++) {
            channels[bus][channel] = process->audio_outputs[bus].data32[channel] + start;
        }
    }
    for (uint32_t bus = 0; bus < process->audio_outputs_count; bus++) {
        buses[bus] = channels[bus];
    }
    const StemsBlock block = {input, buses, end - start, atomic_load(&instance->offline)};
    return stems_plugin_process(instance->core, &block);
}

/* Takes the events due at `start`; returns where the next one is, or the block's end. */
static uint32_t take_events(ClapInstance *instance, const ClapProcess *process, uint32_t *next, uint32_t start)
{
    const ClapInputEvents *events = process->in_events;
    const uint32_t count = events != NULL ? events->size(events) : 0;
    for (; *next < count; (*next)++) {
        const ClapEventHeader *event = events->get(events, *next);
        if (event->time > start) {
            return event->time < process->frames_count ? event->time : process->frames_count;
        }
        clap_take_event(instance, event);
    }
    return process->frames_count;
}

static StemsResult process_all(ClapInstance *instance, const ClapProcess *process)
{
    uint32_t next = 0, start = 0;
    StemsResult result = STEMS_OK;
    do {
        const uint32_t end = take_events(instance, process, &next, start);
        const StemsResult piece = process_piece(instance, process, start, end);
        if (piece != STEMS_OK) {
            result = piece;
        }
        start = end;
    } while (start < process->frames_count);
    take_events(instance, process, &next, UINT32_MAX);
    return result;
}

int32_t CLAP_ABI clap_process(const ClapPlugin *plugin, const ClapProcess *process)
{
    ClapInstance *instance = clap_instance(plugin);
    if (!has_our_shape(instance, process)) {
        return CLAP_PROCESS_ERROR;
    }
    for (uint32_t bus = 0; bus < process->audio_outputs_count; bus++) {
        process->audio_outputs[bus].constant_mask = 0;
    }
    const StemsResult result = process_all(instance, process);
    clap_tell_outputs(instance, process->out_events);
    /* An active plugin may not change its latency: the host deactivates it and asks again. */
    if (stems_plugin_latency_samples(instance->core) != instance->told_latency_samples &&
        !instance->restart_requested) {
        instance->restart_requested = true;
        instance->host->request_restart(instance->host);
    }
    return result == STEMS_OK ? CLAP_PROCESS_CONTINUE : CLAP_PROCESS_ERROR;
}

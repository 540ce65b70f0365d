/* IAudioProcessor: arrangement of buses, set-up, audio. */
#include "instance.h"

VST3_DEFINE_UNKNOWN(processor)

static uint64_t arrangement_of(const Vst3Instance *instance)
{
    return instance->channels == 1 ? VST3_MONO : VST3_STEREO;
}

/* All buses stereo, or all mono; anything else is refused, and what was before stays. */
static Vst3Result VST3_CALL set_arrangements(void *self, uint64_t *inputs, int32_t input_count, uint64_t *outputs,
                                             int32_t output_count)
{
    Vst3Instance *instance = VST3_INSTANCE(self, processor);
    if (input_count != 1 || output_count != stems_buses_of(instance->kind)) {
        return VST3_FALSE;
    }
    if (inputs[0] != VST3_MONO && inputs[0] != VST3_STEREO) {
        return VST3_FALSE;
    }
    for (int32_t bus = 0; bus < output_count; bus++) {
        if (outputs[bus] != inputs[0]) {
            return VST3_FALSE;
        }
    }
    instance->channels = inputs[0] == VST3_MONO ? 1 : 2;
    return VST3_OK;
}

static Vst3Result VST3_CALL get_arrangement(void *self, int32_t direction, int32_t index, uint64_t *arrangement)
{
    const Vst3Instance *instance = VST3_INSTANCE(self, processor);
    const int32_t count = direction == VST3_INPUT ? 1 : stems_buses_of(instance->kind);
    if (index < 0 || index >= count) {
        return VST3_INVALID_ARGUMENT;
    }
    *arrangement = arrangement_of(instance);
    return VST3_OK;
}

static Vst3Result VST3_CALL can_process(void *self, int32_t sample_size)
{
    (void)self;
    return sample_size == VST3_SAMPLES_32_BIT ? VST3_OK : VST3_FALSE;
}

static uint32_t VST3_CALL latency(void *self)
{
    return stems_plugin_latency_samples(VST3_INSTANCE(self, processor)->core);
}

static Vst3Result VST3_CALL setup(void *self, Vst3Setup *setup)
{
    Vst3Instance *instance = VST3_INSTANCE(self, processor);
    if (setup->sample_size != VST3_SAMPLES_32_BIT || setup->max_block_frames < 1) {
        return VST3_INVALID_ARGUMENT;
    }
    instance->rate_hz = setup->rate_hz;
    instance->block_frames = (uint32_t)setup->max_block_frames;
    return VST3_OK;
}

/* Hosts stop and start processing where the audio does not go on: at a seek, before a render. */
static Vst3Result VST3_CALL set_processing(void *self, uint8_t state)
{
    const Vst3Instance *instance = VST3_INSTANCE(self, processor);
    if (state && stems_plugin_is_active(instance->core)) {
        stems_plugin_reset(instance->core);
    }
    return VST3_OK;
}

/* ---- Audio ---- */

static bool is_usable(const Vst3Instance *instance, const Vst3Bus *bus)
{
    return bus->channels != NULL && bus->channel_count == (int32_t)instance->channels;
}

static bool has_our_shape(const Vst3Instance *instance, const Vst3Block *block)
{
    return block->sample_size == VST3_SAMPLES_32_BIT && block->input_count == 1 && block->inputs != NULL &&
           is_usable(instance, &block->inputs[0]) && block->outputs != NULL &&
           block->output_count <= stems_buses_of(instance->kind);
}

static StemsResult process_piece(Vst3Instance *instance, const Vst3Block *block, int32_t start, int32_t end)
{
    const float *input[STEMS_MAXIMUM_CHANNELS] = {NULL, NULL};
    float *channels[STEMS_MAXIMUM_BUSES][STEMS_MAXIMUM_CHANNELS];
    float *const *buses[STEMS_MAXIMUM_BUSES] = {NULL, NULL};
    for (uint32_t channel = 0; channel < instance->channels; channel++) {
        input[channel] = block->inputs[0].channels[channel] + start;
    }
    for (int32_t bus = 0; bus < block->output_count; bus++) {
        const Vst3Bus *output = &block->outputs[bus];
        if (!is_usable(instance, output)) {
            continue;
        }
        for (uint32_t channel = 0; channel < instance->channels; channel++) {
            channels[bus][channel] = output->channels[channel] == NULL ? NULL : output->channels[channel] + start;
        }
        buses[bus] = channels[bus];
    }
    /* Some hosts leave the set-up real-time and say so in each block only. */
    const bool offline = block->process_mode == VST3_OFFLINE;
    const StemsBlock piece = {input, buses, (uint32_t)(end - start), offline};
    return stems_plugin_process(instance->core, &piece);
}

static Vst3Result process_audio(Vst3Instance *instance, Vst3Block *block)
{
    StemsResult result = STEMS_OK;
    int32_t taken = -1;
    for (int32_t start = 0; start < block->frames;) {
        const int32_t end = vst3_take_changes(instance, block->changes_in, taken, start, block->frames);
        const StemsResult piece = process_piece(instance, block, start, end);
        if (piece != STEMS_OK) {
            result = piece;
        }
        taken = start;
        start = end;
    }
    for (int32_t bus = 0; bus < block->output_count; bus++) {
        block->outputs[bus].silence = 0;
    }
    return result == STEMS_OK ? VST3_OK : VST3_INTERNAL_ERROR;
}

/* Blocks without frames or without buses come to deliver parameters only. */
static Vst3Result VST3_CALL process(void *self, Vst3Block *block)
{
    Vst3Instance *instance = VST3_INSTANCE(self, processor);
    Vst3Result result = VST3_OK;
    if (block->frames > 0 && block->input_count + block->output_count > 0) {
        if (!has_our_shape(instance, block)) {
            return VST3_INVALID_ARGUMENT;
        }
        result = process_audio(instance, block);
    } else {
        vst3_take_changes(instance, block->changes_in, -1, INT32_MAX, 0);
    }
    vst3_tell_changes(instance, block->changes_out);
    return result;
}

/* After the input's end the latency is still to come; nothing rings on. */
static uint32_t VST3_CALL tail(void *self)
{
    (void)self;
    return 0;
}

const Vst3ProcessorTable vst3_processor_table = {
    query_interface, add_reference, release, set_arrangements, get_arrangement, can_process, latency, setup,
    set_processing,  process,       tail,
};

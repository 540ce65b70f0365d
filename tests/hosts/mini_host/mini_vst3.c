#include <dlfcn.h>

#include "mini_host.h"
#include "vst3_abi.h"

#define STATUS_STEPS 4.0 /* a list of five goes from 0 to 1 in four */

enum { VALUES = 2 };

typedef struct {
    const Vst3FactoryTable *table;
} Factory;
typedef struct {
    const Vst3ComponentTable *table;
} Component;
typedef struct {
    const Vst3ProcessorTable *table;
} Processor;

/* A value for the block's first frame, or one that the plugin tells. The table comes first: it is a Vst3ValueQueue. */
typedef struct {
    const Vst3ValueQueueTable *table;
    uint32_t id;
    double normalized;
} Value;

static Component *component;
static Processor *processor;
static double told_status;
static int32_t mode;

/* ---- What passes parameters; the plugin keeps none of it, so nothing counts references ---- */

static Vst3Result query(void *self, const uint8_t *interface, void **out)
{
    (void)self, (void)interface;
    *out = NULL;
    return VST3_NO_INTERFACE;
}

static uint32_t keep(void *self)
{
    (void)self;
    return 1;
}

static uint32_t value_id(void *self)
{
    return ((Value *)self)->id;
}

static int32_t point_count(void *self)
{
    (void)self;
    return 1;
}

static Vst3Result get_point(void *self, int32_t index, int32_t *frame, double *value)
{
    (void)index;
    *frame = 0;
    *value = ((Value *)self)->normalized;
    return VST3_OK;
}

static Vst3Result add_point(void *self, int32_t frame, double value, int32_t *index)
{
    (void)frame;
    *index = 0;
    told_status = ((Value *)self)->id == STEMS_PARAMETER_STATUS ? value * STATUS_STEPS : told_status;
    return VST3_OK;
}

static const Vst3ValueQueueTable value_table = {query, keep, keep, value_id, point_count, get_point, add_point};
static Value values[VALUES] = {{&value_table, STEMS_PARAMETER_VOCALS_MUTE, 1.0}, {&value_table, STEMS_PARAMETER_VOCALS_GAIN, 0.0}};
static Value told = {&value_table, 0, 0.0};

static int32_t count_values(void *self)
{
    (void)self;
    return VALUES;
}

static Vst3ValueQueue *get_value(void *self, int32_t index)
{
    (void)self;
    return (Vst3ValueQueue *)&values[index];
}

static Vst3ValueQueue *add_value(void *self, const uint32_t *id, int32_t *index)
{
    (void)self;
    *index = 0;
    told.id = *id;
    return (Vst3ValueQueue *)&told;
}

static const Vst3ChangesTable changes_table = {query, keep, keep, count_values, get_value, add_value};
static Vst3Changes changes = {&changes_table};

/* ---- The format ---- */

static bool set_up(double rate_hz, uint32_t block_frames)
{
    Vst3Setup setup = {mode, VST3_SAMPLES_32_BIT, (int32_t)block_frames, rate_hz};
    uint64_t stereo = VST3_STEREO;
    return processor->table->set_arrangements(processor, &stereo, 1, &stereo, 1) == VST3_OK &&
           processor->table->setup(processor, &setup) == VST3_OK && component->table->set_active(component, 1) == VST3_OK &&
           processor->table->set_processing(processor, 1) == VST3_OK;
}

static bool open(void *library, double rate_hz, uint32_t block_frames, bool offline)
{
    Factory *(*get_factory)(void) = (Factory * (*)(void)) dlsym(library, "GetPluginFactory");
    Factory *factory = get_factory != NULL ? get_factory() : NULL;
    Vst3ClassInfo info;
    void *made = NULL;
    mode = offline ? VST3_OFFLINE : VST3_REALTIME;
    if (factory == NULL || factory->table->class_info(factory, 0, &info) != VST3_OK ||
        factory->table->create(factory, info.id, VST3_IID_COMPONENT, &made) != VST3_OK) {
        return false;
    }
    component = made;
    return component->table->initialize(component, NULL) == VST3_OK &&
           component->table->query_interface(component, VST3_IID_PROCESSOR, (void **)&processor) == VST3_OK &&
           set_up(rate_hz, block_frames);
}

static bool play(const MiniBlock *block) STEMS_NONBLOCKING
{
    float *input[CHANNELS] = {(float *)block->input[0], (float *)block->input[1]};
    float *output[CHANNELS] = {block->output[0], block->output[1]};
    Vst3Bus in = {CHANNELS, 0, input}, out = {CHANNELS, 0, output};
    values[1].normalized = (block->vocals_gain_db + 60.0) / 72.0;
    Vst3Block process = {mode, VST3_SAMPLES_32_BIT, (int32_t)block->frames, 1, 1, &in, &out, &changes, &changes, NULL, NULL, NULL};
    return processor->table->process(processor, &process) == VST3_OK;
}

static double status(void)
{
    return told_status;
}

static uint32_t latency_samples(void)
{
    return processor->table->latency(processor);
}

static void end(void)
{
    processor->table->set_processing(processor, 0);
    component->table->set_active(component, 0);
    component->table->terminate(component);
    processor->table->release(processor);
    component->table->release(component);
}

const MiniFormat mini_vst3 = {"vst3", open, play, status, latency_samples, end};

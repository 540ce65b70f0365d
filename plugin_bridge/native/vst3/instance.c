#include "instance.h"

#include <stdlib.h>
#include <string.h>

Vst3Instance *vst3_instance_create(StemsKind kind)
{
    Vst3Instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return NULL;
    }
    instance->core = stems_plugin_create(kind);
    if (instance->core == NULL) {
        free(instance);
        return NULL;
    }
    instance->component = &vst3_component_table;
    instance->processor = &vst3_processor_table;
    instance->controller = &vst3_controller_table;
    instance->units = &vst3_units_table;
    instance->context_needs = &vst3_context_needs_table;
    atomic_init(&instance->references, 1);
    instance->kind = kind;
    instance->rate_hz = 44100.0;
    instance->block_frames = STEMS_USUAL_BLOCK_FRAMES;
    instance->channels = STEMS_MAXIMUM_CHANNELS;
    instance->told_latency_samples = stems_plugin_latency_samples(instance->core);
    instance->told_status = stems_plugin_get_parameter(instance->core, STEMS_PARAMETER_STATUS);
    return instance;
}

static void destroy(Vst3Instance *instance)
{
    if (instance->handler != NULL) {
        instance->handler->table->release(instance->handler);
    }
    stems_plugin_destroy(instance->core);
    free(instance);
}

uint32_t vst3_instance_add_reference(Vst3Instance *instance)
{
    return atomic_fetch_add(&instance->references, 1) + 1;
}

uint32_t vst3_instance_release(Vst3Instance *instance)
{
    const uint32_t left = atomic_fetch_sub(&instance->references, 1) - 1;
    if (left == 0) {
        destroy(instance);
    }
    return left;
}

static void *face_of(Vst3Instance *instance, const uint8_t *interface)
{
    const struct {
        const uint8_t *id;
        void *face;
    } faces[] = {
        {VST3_IID_UNKNOWN, &instance->component},           {VST3_IID_PLUGIN_BASE, &instance->component},
        {VST3_IID_COMPONENT, &instance->component},         {VST3_IID_PROCESSOR, &instance->processor},
        {VST3_IID_CONTROLLER, &instance->controller},       {VST3_IID_UNITS, &instance->units},
        {VST3_IID_CONTEXT_NEEDS, &instance->context_needs},
    };
    for (size_t index = 0; index < sizeof faces / sizeof faces[0]; index++) {
        if (memcmp(faces[index].id, interface, sizeof(Vst3Id)) == 0) {
            return faces[index].face;
        }
    }
    return NULL;
}

Vst3Result vst3_instance_query(Vst3Instance *instance, const uint8_t *interface, void **out)
{
    *out = face_of(instance, interface);
    if (*out == NULL) {
        return VST3_NO_INTERFACE;
    }
    vst3_instance_add_reference(instance);
    return VST3_OK;
}

/* Parameters on the audio thread: values come in with the block, status and latency go out with it. */
#include "instance.h"

/* Of the points behind frame `after` and up to `start` the last one counts. */
static void take_due(Vst3Instance *instance, Vst3ValueQueue *queue, int32_t after, int32_t start, int32_t *next)
{
    const int32_t count = queue->table->point_count(queue);
    bool is_due = false;
    double due = 0.0;
    for (int32_t index = 0; index < count; index++) {
        int32_t frame;
        double normalized;
        if (queue->table->get_point(queue, index, &frame, &normalized) != VST3_OK || frame <= after) {
            continue;
        }
        if (frame > start) {
            if (frame < *next) {
                *next = frame;
            }
            break;
        }
        is_due = true;
        due = normalized;
    }
    if (is_due) {
        vst3_take_value(instance, queue->table->id(queue), due);
    }
}

int32_t vst3_take_changes(Vst3Instance *instance, Vst3Changes *changes, int32_t after, int32_t start, int32_t frames)
{
    int32_t next = frames;
    const int32_t count = changes != NULL ? changes->table->count(changes) : 0;
    for (int32_t index = 0; index < count; index++) {
        Vst3ValueQueue *queue = changes->table->get(changes, index);
        if (queue != NULL) {
            take_due(instance, queue, after, start, &next);
        }
    }
    return next;
}

static bool give(Vst3Changes *changes, uint32_t id, double normalized)
{
    int32_t index;
    Vst3ValueQueue *queue = changes->table->add(changes, &id, &index);
    return queue != NULL && queue->table->add_point(queue, 0, normalized, &index) == VST3_OK;
}

void vst3_tell_changes(Vst3Instance *instance, Vst3Changes *changes)
{
    const uint32_t latency = stems_plugin_latency_samples(instance->core);
    const double status = stems_plugin_get_parameter(instance->core, STEMS_PARAMETER_STATUS);
    if (changes == NULL) {
        return;
    }
    if (status != instance->told_status) {
        const StemsParameter *parameter = stems_parameter_by_id(STEMS_PARAMETER_STATUS);
        if (give(changes, STEMS_PARAMETER_STATUS, vst3_normalized(parameter, status))) {
            instance->told_status = status;
        }
    }
    if (latency != instance->told_latency_samples) {
        if (give(changes, STEMS_LATENCY_PARAMETER, latency / VST3_LATENCY_SCALE)) {
            instance->told_latency_samples = latency;
        }
    }
}

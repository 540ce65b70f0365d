/* One instance of a VST 3 plugin: component, processor and controller in one object.
 *
 * Each interface is a member that points to its table; hosts hold the address of that member, and
 * VST3_INSTANCE finds the object around it.
 */
#ifndef STEMS_VST3_INSTANCE_H
#define STEMS_VST3_INSTANCE_H

#include <stdatomic.h>
#include <stddef.h>

#include "identity.h"
#include "vst3_abi.h"

typedef struct {
    const Vst3ComponentTable *component;
    const Vst3ProcessorTable *processor;
    const Vst3ControllerTable *controller;
    const Vst3UnitsTable *units;
    const Vst3ContextNeedsTable *context_needs;
    atomic_uint references;
    StemsPlugin *core;
    StemsKind kind;
    Vst3Handler *handler; /* NULL until the host sets it */
    double rate_hz;
    uint32_t block_frames;
    uint32_t channels;             /* of every bus: 2, or 1 where the host arranged so */
    uint32_t told_latency_samples; /* to the controller, by the processor */
    double told_status;
} Vst3Instance;

#define VST3_INSTANCE(self, face) ((Vst3Instance *)((char *)(self) - offsetof(Vst3Instance, face)))

extern const Vst3ComponentTable vst3_component_table;
extern const Vst3ProcessorTable vst3_processor_table;
extern const Vst3ControllerTable vst3_controller_table;
extern const Vst3UnitsTable vst3_units_table;
extern const Vst3ContextNeedsTable vst3_context_needs_table;

/* A new instance with one reference, or NULL without memory. */
Vst3Instance *vst3_instance_create(StemsKind kind);

Vst3Result vst3_instance_query(Vst3Instance *instance, const uint8_t *interface, void **out);
uint32_t vst3_instance_add_reference(Vst3Instance *instance);
uint32_t vst3_instance_release(Vst3Instance *instance);

/* The functions of FUnknown for the interface that is the member `face`. */
#define VST3_DEFINE_UNKNOWN(face)                                                                                      \
    static Vst3Result VST3_CALL query_interface(void *self, const uint8_t *interface, void **out)                      \
    {                                                                                                                  \
        return vst3_instance_query(VST3_INSTANCE(self, face), interface, out);                                         \
    }                                                                                                                  \
    static uint32_t VST3_CALL add_reference(void *self)                                                                \
    {                                                                                                                  \
        return vst3_instance_add_reference(VST3_INSTANCE(self, face));                                                 \
    }                                                                                                                  \
    static uint32_t VST3_CALL release(void *self)                                                                      \
    {                                                                                                                  \
        return vst3_instance_release(VST3_INSTANCE(self, face));                                                       \
    }

/* ---- Parameters: what the controller shows and what the processor takes are the same ---- */

/* The host's 0 ... 1 as the core's value and back. */
double vst3_plain(const StemsParameter *parameter, double normalized);
double vst3_normalized(const StemsParameter *parameter, double plain);

/* A latency as the hidden output parameter that carries it from processor to controller. */
#define VST3_LATENCY_SCALE 1048576.0

/* Any thread: sets a parameter of the core, or loads a preset. */
Vst3Result vst3_take_value(Vst3Instance *instance, uint32_t id, double normalized);

/* Audio thread: takes the changes due behind frame `after` and up to `start`; returns the next frame where one is due,
   or `frames`. */
int32_t vst3_take_changes(Vst3Instance *instance, Vst3Changes *changes, int32_t after, int32_t start, int32_t frames);

/* Audio thread: gives status and latency to the controller where they changed. */
void vst3_tell_changes(Vst3Instance *instance, Vst3Changes *changes);

/* ---- State: the core's bytes ---- */

Vst3Result vst3_read_state(Vst3Instance *instance, Vst3Stream *stream);
Vst3Result vst3_write_state(const Vst3Instance *instance, Vst3Stream *stream);

#endif

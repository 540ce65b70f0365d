/* One instance of a CLAP plugin, and its extensions. */
#ifndef STEMS_CLAP_PLUGIN_H
#define STEMS_CLAP_PLUGIN_H

#include <stdatomic.h>

#include "clap_abi.h"
#include "identity.h"

typedef struct {
    ClapPlugin face; /* what the host holds; its plugin_data points back here */
    const ClapHost *host;
    StemsPlugin *core;
    StemsKind kind;
    atomic_bool offline;
    uint32_t told_latency_samples;
    double told_status;
    bool restart_requested;
} ClapInstance;

static inline ClapInstance *clap_instance(const ClapPlugin *plugin)
{
    return plugin->plugin_data;
}

/* NULL without memory. */
const ClapPlugin *clap_instance_create(StemsKind kind, const ClapDescriptor *descriptor, const ClapHost *host);

/* Passes a value from the host on; other events are none of ours. */
void clap_take_event(ClapInstance *instance, const ClapEventHeader *event);

/* Tells the host values that the plugin sets itself, where they changed. */
void clap_tell_outputs(ClapInstance *instance, const ClapOutputEvents *out);

/* While not processing: tells the host about another latency, if it has one. */
void clap_tell_latency(ClapInstance *instance);

int32_t clap_process(const ClapPlugin *plugin, const ClapProcess *process);

extern const ClapAudioPorts clap_audio_ports;
extern const ClapParams clap_params;
extern const ClapState clap_state;

#endif

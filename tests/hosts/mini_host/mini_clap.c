#include <dlfcn.h>
#include <string.h>

#include "clap_abi.h"
#include "mini_host.h"

static const ClapEntry *entry;
static const ClapPlugin *plugin;
static ClapParamValueEvent event;
static double told_status;

static const void *get_extension(const ClapHost *host, const char *id)
{
    (void)host, (void)id;
    return NULL;
}

static void ignore(const ClapHost *host)
{
    (void)host;
}

static const ClapHost host = {CLAP_VERSION_USED, NULL, "mini", "", "", "1", get_extension, ignore, ignore, ignore};

static uint32_t count_events(const ClapInputEvents *list)
{
    (void)list;
    return 1;
}

static const ClapEventHeader *get_event(const ClapInputEvents *list, uint32_t index)
{
    (void)list, (void)index;
    return &event.header;
}

static bool take_event(const ClapOutputEvents *list, const ClapEventHeader *header)
{
    const ClapParamValueEvent *change = (const ClapParamValueEvent *)header;
    (void)list;
    told_status = change->param_id == STEMS_PARAMETER_STATUS ? change->value : told_status;
    return true;
}

static const ClapInputEvents events_in = {NULL, count_events, get_event};
static const ClapOutputEvents events_out = {NULL, take_event};

static void set_event(uint32_t id, double value) STEMS_NONBLOCKING
{
    event = (ClapParamValueEvent){
        .header = {sizeof event, 0, CLAP_CORE_EVENT_SPACE, CLAP_EVENT_PARAM_VALUE, 0},
        .param_id = id,
        .note_id = -1,
        .port_index = -1,
        .channel = -1,
        .key = -1,
        .value = value,
    };
}

static bool open(void *library, double rate_hz, uint32_t block_frames, bool offline)
{
    entry = dlsym(library, "clap_entry");
    if (entry == NULL || !entry->init("")) {
        return false;
    }
    const ClapFactory *factory = entry->get_factory(CLAP_FACTORY_ID);
    plugin = factory->create(factory, &host, STEMS_MIX_CLAP_ID);
    if (plugin == NULL || !plugin->init(plugin)) {
        return false;
    }
    const ClapRender *render = plugin->get_extension(plugin, CLAP_EXT_RENDER);
    const ClapParams *params = plugin->get_extension(plugin, CLAP_EXT_PARAMS);
    set_event(STEMS_PARAMETER_VOCALS_MUTE, 1.0);
    params->flush(plugin, &events_in, &events_out);
    return render->set(plugin, offline ? CLAP_RENDER_OFFLINE : CLAP_RENDER_REALTIME) &&
           plugin->activate(plugin, rate_hz, 1, block_frames) && plugin->start_processing(plugin);
}

static bool play(const MiniBlock *block) STEMS_NONBLOCKING
{
    float *input[CHANNELS] = {(float *)block->input[0], (float *)block->input[1]};
    float *output[CHANNELS] = {block->output[0], block->output[1]};
    const ClapAudioBuffer in = {input, NULL, CHANNELS, 0, 0};
    ClapAudioBuffer out = {output, NULL, CHANNELS, 0, 0};
    set_event(STEMS_PARAMETER_VOCALS_GAIN, block->vocals_gain_db);
    const ClapProcess process = {-1, block->frames, NULL, &in, &out, 1, 1, &events_in, &events_out};
    return plugin->process(plugin, &process) != CLAP_PROCESS_ERROR;
}

static double status(void)
{
    return told_status;
}

static uint32_t latency_samples(void)
{
    const ClapLatency *latency = plugin->get_extension(plugin, CLAP_EXT_LATENCY);
    return latency->get(plugin);
}

static void end(void)
{
    plugin->stop_processing(plugin);
    plugin->deactivate(plugin);
    plugin->destroy(plugin);
    entry->deinit();
}

const MiniFormat mini_clap = {"clap", open, play, status, latency_samples, end};

/* The part of the CLAP 1.x binary interface that the plugin uses.
 *
 * Written from the public specification (https://cleveraudio.org): structures hold their members in the
 * specified order and widths, so this file is a contract with hosts and nothing in it may be reordered.
 * What the plugin does not touch is declared as `void *` in its place.
 */
#ifndef STEMS_CLAP_ABI_H
#define STEMS_CLAP_ABI_H

#include <stdbool.h>
#include <stdint.h>

#if defined(_WIN32)
#define CLAP_ABI __cdecl
#define CLAP_EXPORT __declspec(dllexport)
#else
#define CLAP_ABI
#define CLAP_EXPORT __attribute__((visibility("default")))
#endif

#define CLAP_FACTORY_ID "clap.plugin-factory"
#define CLAP_EXT_AUDIO_PORTS "clap.audio-ports"
#define CLAP_EXT_LATENCY "clap.latency"
#define CLAP_EXT_PARAMS "clap.params"
#define CLAP_EXT_RENDER "clap.render"
#define CLAP_EXT_STATE "clap.state"
#define CLAP_PORT_MONO "mono"
#define CLAP_PORT_STEREO "stereo"
#define CLAP_INVALID_ID UINT32_MAX

enum { CLAP_NAME_BYTES = 256, CLAP_PATH_BYTES = 1024 };

typedef struct {
    uint32_t major, minor, revision;
} ClapVersion;

#define CLAP_VERSION_USED {1, 1, 1}

/* Events */

enum { CLAP_CORE_EVENT_SPACE = 0, CLAP_EVENT_PARAM_VALUE = 5 };

typedef struct {
    uint32_t size; /* bytes, this header included */
    uint32_t time; /* frames from the start of the block */
    uint16_t space_id;
    uint16_t type;
    uint32_t flags;
} ClapEventHeader;

typedef struct {
    ClapEventHeader header;
    uint32_t param_id;
    void *cookie;
    int32_t note_id; /* -1: not about a note, as are the next three */
    int16_t port_index;
    int16_t channel;
    int16_t key;
    double value;
} ClapParamValueEvent;

typedef struct ClapInputEvents {
    void *context;
    uint32_t(CLAP_ABI *size)(const struct ClapInputEvents *list);
    const ClapEventHeader *(CLAP_ABI *get)(const struct ClapInputEvents *list, uint32_t index);
} ClapInputEvents;

typedef struct ClapOutputEvents {
    void *context;
    bool(CLAP_ABI *try_push)(const struct ClapOutputEvents *list, const ClapEventHeader *event);
} ClapOutputEvents;

/* Processing */

enum { CLAP_PROCESS_ERROR = 0, CLAP_PROCESS_CONTINUE = 1 };

typedef struct {
    float **data32;
    double **data64;
    uint32_t channel_count;
    uint32_t latency;
    uint64_t constant_mask;
} ClapAudioBuffer;

typedef struct {
    int64_t steady_time; /* frames, -1 if unknown */
    uint32_t frames_count;
    const void *transport;
    const ClapAudioBuffer *audio_inputs;
    ClapAudioBuffer *audio_outputs;
    uint32_t audio_inputs_count;
    uint32_t audio_outputs_count;
    const ClapInputEvents *in_events;
    const ClapOutputEvents *out_events;
} ClapProcess;

/* Host and plugin */

typedef struct ClapHost {
    ClapVersion version;
    void *host_data;
    const char *name, *vendor, *url, *host_version;
    const void *(CLAP_ABI *get_extension)(const struct ClapHost *host, const char *id);
    void(CLAP_ABI *request_restart)(const struct ClapHost *host);  /* any thread */
    void(CLAP_ABI *request_process)(const struct ClapHost *host);  /* any thread */
    void(CLAP_ABI *request_callback)(const struct ClapHost *host); /* any thread */
} ClapHost;

typedef struct {
    ClapVersion version;
    const char *id, *name, *vendor, *url, *manual_url, *support_url, *plugin_version, *description;
    const char *const *features; /* ends with NULL */
} ClapDescriptor;

typedef struct ClapPlugin {
    const ClapDescriptor *descriptor;
    void *plugin_data;
    bool(CLAP_ABI *init)(const struct ClapPlugin *plugin);
    void(CLAP_ABI *destroy)(const struct ClapPlugin *plugin);
    bool(CLAP_ABI *activate)(const struct ClapPlugin *plugin, double rate_hz, uint32_t minimum_frames,
                             uint32_t maximum_frames);
    void(CLAP_ABI *deactivate)(const struct ClapPlugin *plugin);
    bool(CLAP_ABI *start_processing)(const struct ClapPlugin *plugin); /* audio thread, from here ... */
    void(CLAP_ABI *stop_processing)(const struct ClapPlugin *plugin);
    void(CLAP_ABI *reset)(const struct ClapPlugin *plugin);
    int32_t(CLAP_ABI *process)(const struct ClapPlugin *plugin, const ClapProcess *process); /* to here */
    const void *(CLAP_ABI *get_extension)(const struct ClapPlugin *plugin, const char *id);
    void(CLAP_ABI *on_main_thread)(const struct ClapPlugin *plugin);
} ClapPlugin;

typedef struct ClapFactory {
    uint32_t(CLAP_ABI *count)(const struct ClapFactory *factory);
    const ClapDescriptor *(CLAP_ABI *descriptor)(const struct ClapFactory *factory, uint32_t index);
    const ClapPlugin *(CLAP_ABI *create)(const struct ClapFactory *factory, const ClapHost *host,
                                         const char *plugin_id);
} ClapFactory;

typedef struct {
    ClapVersion version;
    bool(CLAP_ABI *init)(const char *plugin_path);
    void(CLAP_ABI *deinit)(void);
    const void *(CLAP_ABI *get_factory)(const char *factory_id);
} ClapEntry;

/* Extension clap.audio-ports */

enum { CLAP_AUDIO_PORT_IS_MAIN = 1 << 0 };

typedef struct {
    uint32_t id;
    char name[CLAP_NAME_BYTES];
    uint32_t flags;
    uint32_t channel_count;
    const char *port_type;
    uint32_t in_place_pair;
} ClapAudioPortInfo;

typedef struct {
    uint32_t(CLAP_ABI *count)(const ClapPlugin *plugin, bool is_input);
    bool(CLAP_ABI *get)(const ClapPlugin *plugin, uint32_t index, bool is_input, ClapAudioPortInfo *info);
} ClapAudioPorts;

/* Extension clap.params */

enum {
    CLAP_PARAM_IS_STEPPED = 1 << 0,
    CLAP_PARAM_IS_READONLY = 1 << 3,
    CLAP_PARAM_IS_BYPASS = 1 << 4,
    CLAP_PARAM_IS_AUTOMATABLE = 1 << 5
};

enum { CLAP_PARAM_RESCAN_VALUES = 1 << 0 };

typedef struct {
    uint32_t id;
    uint32_t flags;
    void *cookie;
    char name[CLAP_NAME_BYTES];
    char module[CLAP_PATH_BYTES];
    double minimum, maximum, default_value;
} ClapParamInfo;

typedef struct {
    uint32_t(CLAP_ABI *count)(const ClapPlugin *plugin);
    bool(CLAP_ABI *get_info)(const ClapPlugin *plugin, uint32_t index, ClapParamInfo *info);
    bool(CLAP_ABI *get_value)(const ClapPlugin *plugin, uint32_t id, double *value);
    bool(CLAP_ABI *value_to_text)(const ClapPlugin *plugin, uint32_t id, double value, char *text, uint32_t capacity);
    bool(CLAP_ABI *text_to_value)(const ClapPlugin *plugin, uint32_t id, const char *text, double *value);
    void(CLAP_ABI *flush)(const ClapPlugin *plugin, const ClapInputEvents *in, const ClapOutputEvents *out);
} ClapParams;

typedef struct {
    void(CLAP_ABI *rescan)(const ClapHost *host, uint32_t flags);
    void(CLAP_ABI *clear)(const ClapHost *host, uint32_t param_id, uint32_t flags);
    void(CLAP_ABI *request_flush)(const ClapHost *host);
} ClapHostParams;

/* Extensions clap.latency, clap.render, clap.state */

typedef struct {
    uint32_t(CLAP_ABI *get)(const ClapPlugin *plugin); /* frames */
} ClapLatency;

typedef struct {
    void(CLAP_ABI *changed)(const ClapHost *host); /* main thread, while not active */
} ClapHostLatency;

enum { CLAP_RENDER_REALTIME = 0, CLAP_RENDER_OFFLINE = 1 };

typedef struct {
    bool(CLAP_ABI *has_hard_realtime_requirement)(const ClapPlugin *plugin);
    bool(CLAP_ABI *set)(const ClapPlugin *plugin, int32_t mode);
} ClapRender;

typedef struct ClapInputStream {
    void *context;
    int64_t(CLAP_ABI *read)(const struct ClapInputStream *stream, void *buffer, uint64_t bytes);
} ClapInputStream;

typedef struct ClapOutputStream {
    void *context;
    int64_t(CLAP_ABI *write)(const struct ClapOutputStream *stream, const void *buffer, uint64_t bytes);
} ClapOutputStream;

typedef struct {
    bool(CLAP_ABI *save)(const ClapPlugin *plugin, const ClapOutputStream *stream);
    bool(CLAP_ABI *load)(const ClapPlugin *plugin, const ClapInputStream *stream);
} ClapState;

#endif

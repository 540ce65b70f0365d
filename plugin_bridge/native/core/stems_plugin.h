/* Phoenix Stems: what the LV2, VST3 and CLAP shims know of the core, and all they need.

   One StemsPlugin is one instance in a host. It delays the dry signal by a constant latency, has it separated by a
   server in another process, and mixes the stems. How it works: docs/native.md.

   Threads. "Main": create, destroy, activate, deactivate, load: one thread at a time, never the audio thread, never while
   process runs. "Audio": process and reset, one thread at a time, between activate and deactivate. "Any": at any
   time from any thread, also several at once, until destroy. */
#ifndef PHOENIX_STEMS_PLUGIN_H
#define PHOENIX_STEMS_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nonblocking.h"

typedef struct StemsPlugin StemsPlugin;

typedef enum {
    STEMS_MIX = 0,  /* one output bus: the stems mixed */
    STEMS_MULTI = 1 /* one output bus per stem, in the order of stems_stem_name; at unity they sum to the dry signal */
} StemsKind;

enum {
    STEMS_STEM_COUNT = 2, /* vocals, instrumental */
    STEMS_MAXIMUM_CHANNELS = 2,
    STEMS_MAXIMUM_BUSES = STEMS_STEM_COUNT,
    STEMS_MINIMUM_RATE_HZ = 8000,
    STEMS_MAXIMUM_RATE_HZ = 192000,
    STEMS_MAXIMUM_BLOCK_FRAMES = 65536 /* that activate takes; process takes blocks of any length */
};

/* ---- Life (main) ---- */

/* A new instance with default parameters, or NULL without memory. Reads environment and configuration (docs/native.md). */
StemsPlugin *stems_plugin_create(StemsKind kind);

/* Frees it; deactivates first where that was not done. NULL is allowed. */
void stems_plugin_destroy(StemsPlugin *plugin);

StemsKind stems_plugin_kind(const StemsPlugin *plugin); /* any */
int stems_plugin_bus_count(const StemsPlugin *plugin);  /* any; output buses: 1 for Mix, STEMS_STEM_COUNT for Multi */

/* Allocates everything, starts the worker thread and lets it look for the server; does not wait for it.
   rate_hz 8000 to 192000, max_block_frames 1 to 65536, channels 1 or 2 (of the input and of each bus). Activating an active
   instance is the same as deactivate, activate. False, and inactive, where a value is out of range or
   there is no memory or thread; the status text says which. */
bool stems_plugin_activate(StemsPlugin *plugin, double rate_hz, uint32_t max_block_frames, uint32_t channels);

/* Ends the stream, the worker thread, the connection; waits for the worker, a few milliseconds. Safe to call when inactive. */
void stems_plugin_deactivate(StemsPlugin *plugin);

bool stems_plugin_is_active(const StemsPlugin *plugin); /* any */

/* ---- Audio ---- */

typedef struct {
    const float *const *input;   /* [channel]; each frames long */
    float *const *const *output; /* [bus][channel]; a bus, or a channel of one, may be NULL: it is not wanted.
                                    May be the input's own buffers (in place), also the whole of one
                                    channel only; buses do not overlap each other. */
    uint32_t frames;             /* 0 and up; more than max_block_frames is handled, in pieces */
    bool offline;                /* the host renders: not in real time, the call may wait (bounded), stems must not be missing */
} StemsBlock;

typedef enum {
    STEMS_OK = 0,
    STEMS_INACTIVE = 1, /* not activated: output is silence */
    STEMS_FAILED = 2    /* offline, and the stems could not be had: the output is an alarm tone on every bus (beeps at
                           -12 dBFS, so that no one takes the file for a result), and the shim must return its format's error.
                           The rest of the render fails at once. A live call, reset or deactivate clears it. A render
                           also fails where its server dies and the next one needs more latency: the rest would be out of place. */
} StemsResult;

/* Takes a block, gives as many frames, stems_plugin_latency_samples behind the input. Real-time safe unless `offline`.
   Live it never fails: where stems are late, Mix fades to the dry signal, Multi to dry on its last bus and silence on the others.
   (Without the nonblocking attribute because of the offline branch; the core's live branch has it.) */
StemsResult stems_plugin_process(StemsPlugin *plugin, const StemsBlock *block);

/* Forgets the past: what comes next is from elsewhere (a transport jump, a flush). Latency and parameters stay. Output is silence until
   the latency has passed, as after activate. */
void stems_plugin_reset(StemsPlugin *plugin) STEMS_NONBLOCKING;

/* ---- Latency (any) ---- */

/* Exact, and constant except when the parameter profile changes, or when the server is found to need more than is usual: then the next process
   call has the new latency, or the offline call that is waiting for that server. To learn of a change, compare it after each process (or in an
   idle callback) to what the host was told last. Before the first activate: as if for 44.1 kHz and 1024 frames. */
uint32_t stems_plugin_latency_samples(const StemsPlugin *plugin) STEMS_NONBLOCKING;

/* ---- Parameters ---- */

/* Stable for ever: hosts save them. Further stems will take the next tens. */
enum {
    STEMS_PARAMETER_BYPASS = 1,
    STEMS_PARAMETER_DRY_WET = 2,
    STEMS_PARAMETER_FOCUS = 3,
    STEMS_PARAMETER_PROFILE = 4,
    STEMS_PARAMETER_STATUS = 5,
    STEMS_PARAMETER_VOCALS_GAIN = 100,
    STEMS_PARAMETER_VOCALS_MUTE = 101,
    STEMS_PARAMETER_VOCALS_SOLO = 102,
    STEMS_PARAMETER_INSTRUMENTAL_GAIN = 110,
    STEMS_PARAMETER_INSTRUMENTAL_MUTE = 111,
    STEMS_PARAMETER_INSTRUMENTAL_SOLO = 112
};

enum {
    STEMS_FLAG_TOGGLE = 1,  /* 0 or 1 */
    STEMS_FLAG_ENUM = 2,    /* whole numbers from minimum to maximum, each with a label */
    STEMS_FLAG_INTEGER = 4, /* whole numbers; set for toggles and enums too */
    STEMS_FLAG_BYPASS = 8,  /* the host's bypass: 1 is bypassed */
    STEMS_FLAG_OUTPUT = 16, /* the plugin tells the host; cannot be set, not saved */
    STEMS_FLAG_NOT_AUTOMATABLE = 32 /* changes the latency: for a person, not for an envelope */
};

typedef struct {
    uint32_t id;
    const char *symbol; /* letters, digits, underscores: LV2 symbol */
    const char *name;
    const char *group;  /* "Vocals", "Instrumental", or "" */
    const char *unit;   /* "dB", "%" or "" */
    double minimum, maximum, initial;
    uint32_t step_count; /* maximum - minimum for integers; 0: continuous */
    uint32_t flags;
    const char *const *labels; /* of an enum, step_count + 1 of them; else NULL */
} StemsParameter;

/* The table, the same for Mix and Multi; the order is stable and only grows at its end. Gains at their minimum (-60 dB) are silence.

   How the parameters act. A muted stem, or one that is not soloed while another is, has gain 0. "Focus" F (0 to 150 %) is how strongly
   to remove what is turned down: a gain g < 1 acts as 1 - F (1 - g). At 100 % gains are what they say; below, part of the removed stem
   stays in, which hides artefacts; above, more is taken out than the network heard, against a faint rest of it, at the cost of what
   shares its spectrum. On Multi every bus is its stem with the others removed that strongly. "Dry/wet" W (0 to 100 %) blends: Mix W x mix
   + (1 - W) x dry; Multi takes W of each bus, and gives the rest of the dry signal to the last one, so the sum stays. Bypass is
   dry/wet 0 %. All are smoothed, and dry is always delayed by the latency. */
size_t stems_parameter_count(void);
const StemsParameter *stems_parameter_at(size_t index);     /* NULL beyond the end */
const StemsParameter *stems_parameter_by_id(uint32_t id);   /* NULL where there is none */

/* Sets a value in plain units (dB, %, index); clamped and, where due, rounded. False, and nothing happens, for unknown ids, outputs
   and NaN. Any thread. Takes hold with the next process call, ramped over 20 ms; straight away before the first. For sample accuracy a shim
   cuts the block at the event. */
bool stems_plugin_set_parameter(StemsPlugin *plugin, uint32_t id, double value) STEMS_NONBLOCKING;

/* The value, of outputs too; 0 for unknown ids. Any thread. */
double stems_plugin_get_parameter(const StemsPlugin *plugin, uint32_t id) STEMS_NONBLOCKING;

/* ---- Stems, presets ---- */

const char *stems_stem_name(size_t index);   /* "vocals", "instrumental"; NULL beyond: for bus names */

typedef struct {
    uint32_t id;
    double value;
} StemsSetting;

typedef struct {
    const char *symbol; /* "karaoke", ... */
    const char *name;   /* "Karaoke (no vocals)", ... */
    const StemsSetting *settings; /* what is not named has its initial value, save profile and bypass, which stay */
    size_t setting_count;
} StemsPreset;

size_t stems_preset_count(void);
const StemsPreset *stems_preset_at(size_t index);
bool stems_plugin_load_preset(StemsPlugin *plugin, size_t index); /* any; false beyond the end */

/* ---- State ---- */

/* Parameters as bytes, versioned, with a check sum; portable between machines, kinds and formats. Saving what was restored gives the same bytes. */
enum { STEMS_STATE_MAXIMUM_BYTES = 512 };
size_t stems_plugin_save(const StemsPlugin *plugin, uint8_t *bytes, size_t capacity); /* any; its length, or 0: capacity too small */
bool stems_plugin_restore(StemsPlugin *plugin, const uint8_t *bytes, size_t length);  /* any; false and unchanged: garbage, or a newer version */

/* ---- Status (any) ---- */

typedef enum {
    STEMS_STATUS_OFF = 0,       /* inactive */
    STEMS_STATUS_STARTING = 1,  /* looking for the server, or waiting for one that starts */
    STEMS_STATUS_CONNECTED = 2, /* stems flow, or will as soon as audio does */
    STEMS_STATUS_FALLBACK = 3,  /* no stems now: dry is heard; it tries again by itself */
    STEMS_STATUS_REFUSED = 4    /* the server, or the configuration, says no; tried again, rarely */
} StemsStatus;

StemsStatus stems_plugin_status(const StemsPlugin *plugin) STEMS_NONBLOCKING;

/* Why, for people, one line of UTF-8, cut to capacity, always terminated; returns its length. Locks: not for the audio thread. */
size_t stems_plugin_status_text(const StemsPlugin *plugin, char *text, size_t capacity);
const char *stems_status_name(StemsStatus status); /* "off", "starting", ... */

typedef struct {
    uint64_t blocks;          /* process calls with frames */
    uint64_t late_frames;     /* replaced by the fallback */
    uint64_t fallbacks;       /* times the fallback took over */
    uint64_t reconnects;      /* streams opened, less the first */
    uint64_t lost_frames;     /* of input, not passed on: the worker did not keep up */
    uint32_t headroom_samples; /* least reserve of the round trip seen while stems flowed */
} StemsStatistics;

/* What happened since activate. */
void stems_plugin_statistics(const StemsPlugin *plugin, StemsStatistics *statistics) STEMS_NONBLOCKING;

#endif

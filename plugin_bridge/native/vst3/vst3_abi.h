/* The part of the VST 3 binary interface that the plugin uses, in plain C.
 *
 * Written from the public interface description: an object is a pointer to a table of functions, whose first
 * three are those of FUnknown. Order and widths are a contract with hosts; nothing in it may be reordered.
 * Natural alignment holds on 64-bit platforms, which are the only ones built.
 */
#ifndef STEMS_VST3_ABI_H
#define STEMS_VST3_ABI_H

#include <stdint.h>

#if defined(_WIN32)
#define VST3_CALL __stdcall
#define VST3_EXPORT __declspec(dllexport)
#else
#define VST3_CALL
#define VST3_EXPORT __attribute__((visibility("default")))
#endif

typedef int32_t Vst3Result;
typedef uint8_t Vst3Id[16];
typedef uint16_t Vst3Text[128]; /* UTF-16, ends with 0 */

#if defined(_WIN32) /* results and identifiers are those of COM */
#define VST3_NO_INTERFACE ((Vst3Result)0x80004002)
#define VST3_INVALID_ARGUMENT ((Vst3Result)0x80070057)
#define VST3_NOT_IMPLEMENTED ((Vst3Result)0x80004001)
#define VST3_INTERNAL_ERROR ((Vst3Result)0x80004005)
#define VST3_ID(a, b, c, d)                                                                                            \
    {VST3_BYTE(a, 0),  VST3_BYTE(a, 8),  VST3_BYTE(a, 16), VST3_BYTE(a, 24), VST3_BYTE(b, 16), VST3_BYTE(b, 24),       \
     VST3_BYTE(b, 0),  VST3_BYTE(b, 8),  VST3_BYTE(c, 24), VST3_BYTE(c, 16), VST3_BYTE(c, 8),  VST3_BYTE(c, 0),        \
     VST3_BYTE(d, 24), VST3_BYTE(d, 16), VST3_BYTE(d, 8),  VST3_BYTE(d, 0)}
#else
#define VST3_NO_INTERFACE (-1)
#define VST3_INVALID_ARGUMENT 2
#define VST3_NOT_IMPLEMENTED 3
#define VST3_INTERNAL_ERROR 4
#define VST3_ID(a, b, c, d)                                                                                            \
    {VST3_BYTE(a, 24), VST3_BYTE(a, 16), VST3_BYTE(a, 8),  VST3_BYTE(a, 0),  VST3_BYTE(b, 24), VST3_BYTE(b, 16),       \
     VST3_BYTE(b, 8),  VST3_BYTE(b, 0),  VST3_BYTE(c, 24), VST3_BYTE(c, 16), VST3_BYTE(c, 8),  VST3_BYTE(c, 0),        \
     VST3_BYTE(d, 24), VST3_BYTE(d, 16), VST3_BYTE(d, 8),  VST3_BYTE(d, 0)}
#endif
#define VST3_BYTE(word, shift) (uint8_t)(((uint32_t)(word) >> (shift)) & 0xFFu)
#define VST3_OK 0
#define VST3_FALSE 1

/* The first members of every table. `self` is the pointer to the pointer to the table. */
#define VST3_UNKNOWN                                                                                                   \
    Vst3Result(VST3_CALL *query_interface)(void *self, const uint8_t *interface, void **out);                          \
    uint32_t(VST3_CALL *add_reference)(void *self);                                                                    \
    uint32_t(VST3_CALL *release)(void *self)

#define VST3_PLUGIN_BASE                                                                                               \
    VST3_UNKNOWN;                                                                                                      \
    Vst3Result(VST3_CALL *initialize)(void *self, void *context);                                                      \
    Vst3Result(VST3_CALL *terminate)(void *self)

static const Vst3Id VST3_IID_UNKNOWN = VST3_ID(0x00000000, 0x00000000, 0xC0000000, 0x00000046);
static const Vst3Id VST3_IID_PLUGIN_BASE = VST3_ID(0x22888DDB, 0x156E45AE, 0x8358B348, 0x08190625);
static const Vst3Id VST3_IID_FACTORY = VST3_ID(0x7A4D811C, 0x52114A1F, 0xAED9D2EE, 0x0B43BF9F);
static const Vst3Id VST3_IID_FACTORY_2 = VST3_ID(0x0007B650, 0xF24B4C0B, 0xA464EDB9, 0xF00B2ABB);
static const Vst3Id VST3_IID_COMPONENT = VST3_ID(0xE831FF31, 0xF2D54301, 0x928EBBEE, 0x25697802);
static const Vst3Id VST3_IID_PROCESSOR = VST3_ID(0x42043F99, 0xB7DA453C, 0xA569E79D, 0x9AAEC33D);
static const Vst3Id VST3_IID_CONTROLLER = VST3_ID(0xDCD7BBE3, 0x7742448D, 0xA874AACC, 0x979C759E);
static const Vst3Id VST3_IID_UNITS = VST3_ID(0x3D4BD6B5, 0x913A4FD2, 0xA886E768, 0xA5EB92C1);
static const Vst3Id VST3_IID_CONTEXT_NEEDS = VST3_ID(0x2A654303, 0xEF764E3D, 0x95B5FE83, 0x730EF6D0);

/* Factory */

enum { VST3_UNICODE = 0x10, VST3_MANY_INSTANCES = 0x7FFFFFFF };

typedef struct {
    char vendor[64];
    char url[256];
    char email[128];
    int32_t flags;
} Vst3FactoryInfo;

typedef struct {
    Vst3Id id;
    int32_t cardinality;
    char category[32];
    char name[64];
} Vst3ClassInfo;

typedef struct {
    Vst3Id id;
    int32_t cardinality;
    char category[32];
    char name[64];
    uint32_t flags;
    char subcategories[128];
    char vendor[64];
    char version[64];
    char sdk_version[64];
} Vst3ClassInfo2;

typedef struct {
    VST3_UNKNOWN;
    Vst3Result(VST3_CALL *factory_info)(void *self, Vst3FactoryInfo *info);
    int32_t(VST3_CALL *count)(void *self);
    Vst3Result(VST3_CALL *class_info)(void *self, int32_t index, Vst3ClassInfo *info);
    Vst3Result(VST3_CALL *create)(void *self, const uint8_t *class_id, const uint8_t *interface, void **out);
    Vst3Result(VST3_CALL *class_info_2)(void *self, int32_t index, Vst3ClassInfo2 *info);
} Vst3FactoryTable;

/* Streams of state, from the host */

typedef struct {
    VST3_UNKNOWN;
    Vst3Result(VST3_CALL *read)(void *self, void *buffer, int32_t bytes, int32_t *done);
    Vst3Result(VST3_CALL *write)(void *self, void *buffer, int32_t bytes, int32_t *done);
    Vst3Result(VST3_CALL *seek)(void *self, int64_t position, int32_t mode, int64_t *result);
    Vst3Result(VST3_CALL *tell)(void *self, int64_t *position);
} Vst3StreamTable;

typedef struct {
    const Vst3StreamTable *table;
} Vst3Stream;

/* Component */

enum { VST3_AUDIO = 0, VST3_INPUT = 0, VST3_OUTPUT = 1, VST3_MAIN = 0, VST3_AUX = 1, VST3_DEFAULT_ACTIVE = 1 };

typedef struct {
    int32_t media_type;
    int32_t direction;
    int32_t channel_count;
    Vst3Text name;
    int32_t bus_type;
    uint32_t flags;
} Vst3BusInfo;

typedef struct {
    VST3_PLUGIN_BASE;
    Vst3Result(VST3_CALL *controller_class)(void *self, uint8_t *class_id);
    Vst3Result(VST3_CALL *set_io_mode)(void *self, int32_t mode);
    int32_t(VST3_CALL *bus_count)(void *self, int32_t media_type, int32_t direction);
    Vst3Result(VST3_CALL *bus_info)(void *self, int32_t media_type, int32_t direction, int32_t index,
                                    Vst3BusInfo *info);
    Vst3Result(VST3_CALL *routing_info)(void *self, void *input, void *output);
    Vst3Result(VST3_CALL *activate_bus)(void *self, int32_t media_type, int32_t direction, int32_t index,
                                        uint8_t state);
    Vst3Result(VST3_CALL *set_active)(void *self, uint8_t state);
    Vst3Result(VST3_CALL *set_state)(void *self, Vst3Stream *stream);
    Vst3Result(VST3_CALL *get_state)(void *self, Vst3Stream *stream);
} Vst3ComponentTable;

/* Processor */

enum { VST3_REALTIME = 0, VST3_PREFETCH = 1, VST3_OFFLINE = 2, VST3_SAMPLES_32_BIT = 0 };

#define VST3_MONO ((uint64_t)1 << 19)
#define VST3_STEREO ((uint64_t)3)

typedef struct {
    int32_t process_mode;
    int32_t sample_size;
    int32_t max_block_frames;
    double rate_hz;
} Vst3Setup;

typedef struct {
    VST3_UNKNOWN;
    uint32_t(VST3_CALL *id)(void *self);
    int32_t(VST3_CALL *point_count)(void *self);
    Vst3Result(VST3_CALL *get_point)(void *self, int32_t index, int32_t *frame, double *value);
    Vst3Result(VST3_CALL *add_point)(void *self, int32_t frame, double value, int32_t *index);
} Vst3ValueQueueTable;

typedef struct {
    const Vst3ValueQueueTable *table;
} Vst3ValueQueue;

typedef struct {
    VST3_UNKNOWN;
    int32_t(VST3_CALL *count)(void *self);
    Vst3ValueQueue *(VST3_CALL *get)(void *self, int32_t index);
    Vst3ValueQueue *(VST3_CALL *add)(void *self, const uint32_t *id, int32_t *index);
} Vst3ChangesTable;

typedef struct {
    const Vst3ChangesTable *table;
} Vst3Changes;

typedef struct {
    int32_t channel_count;
    uint64_t silence;
    float **channels;
} Vst3Bus;

typedef struct {
    int32_t process_mode;
    int32_t sample_size;
    int32_t frames;
    int32_t input_count;
    int32_t output_count;
    Vst3Bus *inputs;
    Vst3Bus *outputs;
    Vst3Changes *changes_in;
    Vst3Changes *changes_out;
    void *events_in;
    void *events_out;
    void *context;
} Vst3Block;

typedef struct {
    VST3_UNKNOWN;
    Vst3Result(VST3_CALL *set_arrangements)(void *self, uint64_t *inputs, int32_t input_count, uint64_t *outputs,
                                            int32_t output_count);
    Vst3Result(VST3_CALL *get_arrangement)(void *self, int32_t direction, int32_t index, uint64_t *arrangement);
    Vst3Result(VST3_CALL *can_process)(void *self, int32_t sample_size);
    uint32_t(VST3_CALL *latency)(void *self);
    Vst3Result(VST3_CALL *setup)(void *self, Vst3Setup *setup);
    Vst3Result(VST3_CALL *set_processing)(void *self, uint8_t state);
    Vst3Result(VST3_CALL *process)(void *self, Vst3Block *block);
    uint32_t(VST3_CALL *tail)(void *self);
} Vst3ProcessorTable;

typedef struct {
    VST3_UNKNOWN;
    uint32_t(VST3_CALL *needs)(void *self);
} Vst3ContextNeedsTable;

/* Controller */

enum {
    VST3_CAN_AUTOMATE = 1 << 0,
    VST3_READ_ONLY = 1 << 1,
    VST3_IS_LIST = 1 << 3,
    VST3_IS_HIDDEN = 1 << 4,
    VST3_IS_PROGRAM = 1 << 15,
    VST3_IS_BYPASS = 1 << 16,
    VST3_VALUES_CHANGED = 1 << 2, /* flags of restart */
    VST3_LATENCY_CHANGED = 1 << 3
};

typedef struct {
    uint32_t id;
    Vst3Text title;
    Vst3Text short_title;
    Vst3Text unit;
    int32_t step_count;
    double default_normalized;
    int32_t unit_id;
    int32_t flags;
} Vst3ParameterInfo;

typedef struct {
    VST3_UNKNOWN;
    Vst3Result(VST3_CALL *begin_edit)(void *self, uint32_t id);
    Vst3Result(VST3_CALL *perform_edit)(void *self, uint32_t id, double normalized);
    Vst3Result(VST3_CALL *end_edit)(void *self, uint32_t id);
    Vst3Result(VST3_CALL *restart)(void *self, int32_t flags);
} Vst3HandlerTable;

typedef struct {
    const Vst3HandlerTable *table;
} Vst3Handler;

typedef struct {
    VST3_PLUGIN_BASE;
    Vst3Result(VST3_CALL *set_component_state)(void *self, Vst3Stream *stream);
    Vst3Result(VST3_CALL *set_state)(void *self, Vst3Stream *stream);
    Vst3Result(VST3_CALL *get_state)(void *self, Vst3Stream *stream);
    int32_t(VST3_CALL *count)(void *self);
    Vst3Result(VST3_CALL *info)(void *self, int32_t index, Vst3ParameterInfo *info);
    Vst3Result(VST3_CALL *value_to_text)(void *self, uint32_t id, double normalized, uint16_t *text);
    Vst3Result(VST3_CALL *text_to_value)(void *self, uint32_t id, uint16_t *text, double *normalized);
    double(VST3_CALL *to_plain)(void *self, uint32_t id, double normalized);
    double(VST3_CALL *to_normalized)(void *self, uint32_t id, double plain);
    double(VST3_CALL *get)(void *self, uint32_t id);
    Vst3Result(VST3_CALL *set)(void *self, uint32_t id, double normalized);
    Vst3Result(VST3_CALL *set_handler)(void *self, Vst3Handler *handler);
    void *(VST3_CALL *create_view)(void *self, const char *name);
} Vst3ControllerTable;

/* Units and their lists of programs, which are presets here */

enum { VST3_ROOT_UNIT = 0, VST3_NO_PARENT = -1 };

typedef struct {
    int32_t id;
    int32_t parent_id;
    Vst3Text name;
    int32_t program_list_id;
} Vst3UnitInfo;

typedef struct {
    int32_t id;
    Vst3Text name;
    int32_t program_count;
} Vst3ProgramListInfo;

typedef struct {
    VST3_UNKNOWN;
    int32_t(VST3_CALL *unit_count)(void *self);
    Vst3Result(VST3_CALL *unit_info)(void *self, int32_t index, Vst3UnitInfo *info);
    int32_t(VST3_CALL *list_count)(void *self);
    Vst3Result(VST3_CALL *list_info)(void *self, int32_t index, Vst3ProgramListInfo *info);
    Vst3Result(VST3_CALL *program_name)(void *self, int32_t list_id, int32_t index, uint16_t *name);
    Vst3Result(VST3_CALL *program_info)(void *self, int32_t list_id, int32_t index, const char *attribute,
                                        uint16_t *value);
    Vst3Result(VST3_CALL *has_pitch_names)(void *self, int32_t list_id, int32_t index);
    Vst3Result(VST3_CALL *pitch_name)(void *self, int32_t list_id, int32_t index, int16_t pitch, uint16_t *name);
    int32_t(VST3_CALL *selected_unit)(void *self);
    Vst3Result(VST3_CALL *select_unit)(void *self, int32_t unit_id);
    Vst3Result(VST3_CALL *unit_of_bus)(void *self, int32_t media_type, int32_t direction, int32_t bus, int32_t channel,
                                       int32_t *unit_id);
    Vst3Result(VST3_CALL *set_program_data)(void *self, int32_t list_id, int32_t index, Vst3Stream *stream);
} Vst3UnitsTable;

#endif

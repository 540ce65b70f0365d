/* IUnitInfo: one unit, whose programs are the presets; program 0 stands for "as set". */
#include "instance.h"
#include "text.h"

VST3_DEFINE_UNKNOWN(units)

enum { PRESETS = 1 };

static int32_t VST3_CALL one(void *self)
{
    (void)self;
    return 1;
}

static Vst3Result VST3_CALL unit_info(void *self, int32_t index, Vst3UnitInfo *info)
{
    (void)self;
    if (index != 0) {
        return VST3_INVALID_ARGUMENT;
    }
    info->id = VST3_ROOT_UNIT;
    info->parent_id = VST3_NO_PARENT;
    vst3_text_from_ascii(info->name, "Stems");
    info->program_list_id = PRESETS;
    return VST3_OK;
}

static Vst3Result VST3_CALL list_info(void *self, int32_t index, Vst3ProgramListInfo *info)
{
    (void)self;
    if (index != 0) {
        return VST3_INVALID_ARGUMENT;
    }
    info->id = PRESETS;
    vst3_text_from_ascii(info->name, "Presets");
    info->program_count = (int32_t)stems_preset_count() + 1;
    return VST3_OK;
}

static Vst3Result VST3_CALL program_name(void *self, int32_t list_id, int32_t index, uint16_t *name)
{
    (void)self;
    if (list_id != PRESETS || index < 0 || index > (int32_t)stems_preset_count()) {
        return VST3_INVALID_ARGUMENT;
    }
    vst3_text_from_ascii(name, index == 0 ? "(as set)" : stems_preset_at((size_t)index - 1)->name);
    return VST3_OK;
}

static Vst3Result VST3_CALL program_info(void *self, int32_t list_id, int32_t index, const char *attribute,
                                         uint16_t *value)
{
    (void)self, (void)list_id, (void)index, (void)attribute, (void)value;
    return VST3_NOT_IMPLEMENTED;
}

static Vst3Result VST3_CALL has_pitch_names(void *self, int32_t list_id, int32_t index)
{
    (void)self, (void)list_id, (void)index;
    return VST3_FALSE;
}

static Vst3Result VST3_CALL pitch_name(void *self, int32_t list_id, int32_t index, int16_t pitch, uint16_t *name)
{
    (void)self, (void)list_id, (void)index, (void)pitch, (void)name;
    return VST3_FALSE;
}

static int32_t VST3_CALL selected_unit(void *self)
{
    (void)self;
    return VST3_ROOT_UNIT;
}

static Vst3Result VST3_CALL select_unit(void *self, int32_t unit_id)
{
    (void)self;
    return unit_id == VST3_ROOT_UNIT ? VST3_OK : VST3_INVALID_ARGUMENT;
}

static Vst3Result VST3_CALL unit_of_bus(void *self, int32_t media_type, int32_t direction, int32_t bus, int32_t channel,
                                        int32_t *unit_id)
{
    (void)self, (void)media_type, (void)direction, (void)bus, (void)channel;
    *unit_id = VST3_ROOT_UNIT;
    return VST3_OK;
}

static Vst3Result VST3_CALL set_program_data(void *self, int32_t list_id, int32_t index, Vst3Stream *stream)
{
    (void)self, (void)list_id, (void)index, (void)stream;
    return VST3_NOT_IMPLEMENTED;
}

const Vst3UnitsTable vst3_units_table = {
    query_interface,  add_reference, release,         one,        unit_info,     one,         list_info,
    program_name,     program_info,  has_pitch_names, pitch_name, selected_unit, select_unit, unit_of_bus,
    set_program_data,
};

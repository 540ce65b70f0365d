/* The core's state as a VST 3 stream; hosts may take and give it in parts. */
#include "instance.h"

Vst3Result vst3_read_state(Vst3Instance *instance, Vst3Stream *stream)
{
    uint8_t bytes[STEMS_STATE_MAXIMUM_BYTES + 1]; /* one more, to see that there is too much */
    int32_t length = 0;
    while (length < (int32_t)sizeof bytes) {
        int32_t done = 0;
        const int32_t room = (int32_t)sizeof bytes - length;
        const Vst3Result result = stream->table->read(stream, bytes + length, room, &done);
        if (result != VST3_OK || done <= 0 || done > room) {
            break;
        }
        length += done;
    }
    return stems_plugin_restore(instance->core, bytes, (size_t)length) ? VST3_OK : VST3_FALSE;
}

Vst3Result vst3_write_state(const Vst3Instance *instance, Vst3Stream *stream)
{
    uint8_t bytes[STEMS_STATE_MAXIMUM_BYTES];
    const int32_t length = (int32_t)stems_plugin_save(instance->core, bytes, sizeof bytes);
    if (length == 0) {
        return VST3_INTERNAL_ERROR;
    }
    for (int32_t start = 0; start < length;) {
        int32_t done = 0;
        const Vst3Result result = stream->table->write(stream, bytes + start, length - start, &done);
        if (result != VST3_OK || done <= 0 || done > length - start) {
            return VST3_INTERNAL_ERROR;
        }
        start += done;
    }
    return VST3_OK;
}

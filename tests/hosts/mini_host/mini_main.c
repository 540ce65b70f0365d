/* mini_host FORMAT LIBRARY live|offline BLOCK_FRAMES INPUT OUTPUT [SERVER_PID KILL_FRAME]

   Plays INPUT through the plugin with muted vocals into OUTPUT: both hold stereo float32 samples at 44.1 kHz, first all of the left channel,
   then all of the right. Live it keeps to the clock, and waits with silence until the plugin says that it is connected. At KILL_FRAME
   it kills the server, and then ends as soon as the plugin has been connected again for three seconds. Prints the latency; exits with 3
   when a block has failed. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mini_host.h"

enum { RATE_HZ = 44100, LONGEST_BLOCK = 8192, CONNECT_S = 60, CALM_S = 3 };

typedef struct {
    float *samples[CHANNELS];
    long frames;
} Audio;

static const MiniFormat *format;
static uint32_t block_frames;
static bool is_live;
static struct timespec due; /* of the next block */

static Audio read_audio(const char *path)
{
    Audio audio = {{NULL, NULL}, 0};
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        exit(2);
    }
    audio.frames = ftell(file) / (long)sizeof(float) / CHANNELS;
    rewind(file);
    for (int channel = 0; channel < CHANNELS; channel++) {
        audio.samples[channel] = malloc((size_t)audio.frames * sizeof(float));
        if (fread(audio.samples[channel], sizeof(float), (size_t)audio.frames, file) != (size_t)audio.frames) {
            exit(2);
        }
    }
    fclose(file);
    return audio;
}

static void write_audio(const char *path, Audio audio)
{
    FILE *file = fopen(path, "wb");
    for (int channel = 0; file != NULL && channel < CHANNELS; channel++) {
        fwrite(audio.samples[channel], sizeof(float), (size_t)audio.frames, file);
    }
    if (file == NULL || fclose(file) != 0) {
        exit(2);
    }
}

static void wait_until_due(uint32_t frames)
{
    due.tv_nsec += (long)frames * 1000000000L / RATE_HZ;
    due.tv_sec += due.tv_nsec / 1000000000L;
    due.tv_nsec %= 1000000000L;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static bool play(const float *const *input, float *const *output, uint32_t frames)
{
    static unsigned count;
    MiniBlock block = {{input[0], input[1]}, {output[0], output[1]}, frames, -(double)(count++ % 60)};
    bool done = format->play(&block);
    if (is_live) {
        wait_until_due(frames);
    }
    return done;
}

/* Without the server stems cannot be told from the fallback, so nothing is played before. */
static bool connect(void)
{
    static float silence[LONGEST_BLOCK], nowhere[CHANNELS][LONGEST_BLOCK];
    const float *input[CHANNELS] = {silence, silence};
    float *output[CHANNELS] = {nowhere[0], nowhere[1]};
    for (long frames = 0; frames < (long)CONNECT_S * RATE_HZ; frames += block_frames) {
        if (format->status() == (double)STEMS_STATUS_CONNECTED) {
            return true;
        }
        play(input, output, block_frames);
    }
    return false;
}

/* Returns whether no block has failed; out->frames is how much was played. */
static bool play_all(Audio in, Audio *out, pid_t server, long kill_frame)
{
    const bool ends_early = server != 0;
    bool done = true;
    long at = 0, calm_frames = 0;
    while (at < in.frames && (!ends_early || server != 0 || calm_frames < (long)CALM_S * RATE_HZ)) {
        uint32_t frames = in.frames - at < (long)block_frames ? (uint32_t)(in.frames - at) : block_frames;
        if (server != 0 && at >= kill_frame) {
            kill(server, SIGKILL);
            server = 0;
            calm_frames = 0;
        }
        const float *input[CHANNELS] = {in.samples[0] + at, in.samples[1] + at};
        float *output[CHANNELS] = {out->samples[0] + at, out->samples[1] + at};
        done = play(input, output, frames) && done;
        calm_frames = format->status() == (double)STEMS_STATUS_CONNECTED ? calm_frames + frames : 0;
        at += frames;
    }
    out->frames = at;
    return done;
}

int main(int count, char **arguments)
{
    const MiniFormat *const formats[] = {&mini_lv2, &mini_vst3, &mini_clap};
    if (count != 7 && count != 9) {
        return 2;
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        format = strcmp(formats[i]->name, arguments[1]) == 0 ? formats[i] : format;
    }
    void *library = dlopen(arguments[2], RTLD_NOW | RTLD_LOCAL);
    is_live = strcmp(arguments[3], "live") == 0;
    block_frames = (uint32_t)atoi(arguments[4]);
    Audio in = read_audio(arguments[5]), out = read_audio(arguments[5]);
    if (format == NULL || library == NULL || !format->open(library, RATE_HZ, block_frames, !is_live)) {
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &due);
    if (is_live && !connect()) {
        return 4;
    }
    bool done = play_all(in, &out, count == 9 ? atoi(arguments[7]) : 0, count == 9 ? atol(arguments[8]) : 0);
    printf("%u\n", format->latency_samples());
    format->close();
    write_audio(arguments[6], out);
    for (int channel = 0; channel < CHANNELS; channel++) {
        free(in.samples[channel]);
        free(out.samples[channel]);
    }
    dlclose(library);
    return done ? 0 : 3;
}

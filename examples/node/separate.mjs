// A client of phoenix-stems in another language: written from protocol/PROTOCOL.md, nothing else.
//
//   npm ci --ignore-scripts          (zeromq brings its library, nothing needs building)
//   node separate.mjs ENDPOINT INPUT.f32 OUTPUT_DIR [RATE_HZ] [MODEL] [PROFILE]
//
// INPUT.f32 is raw stereo: 32-bit floats, little-endian, left and right in turn. Each stem becomes
// OUTPUT_DIR/STEM.f32, in the same form and of the same length. A line of JSON tells what was done.

import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { decode, encode } from "@msgpack/msgpack";
import { Dealer } from "zeromq";

const STREAM = 1;
const CHANNELS = 2;
const BLOCK_FRAMES = 4096;
const TIMEOUT_MS = 30000;

// Section 2: a header in msgpack, and behind it, for audio, planar float32 samples.
async function send(socket, header, samples) {
  const frames = [Buffer.from(encode(header))];
  if (samples) frames.push(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
  await socket.send(frames);
}

async function receive(socket) {
  const [header, pcm] = await socket.receive();
  const message = decode(header);
  if (message.type === "error") throw new Error(`${message.code}: ${message.reason}`);
  return { ...message, pcm };
}

async function expect(socket, type) {
  const message = await receive(socket);
  if (message.type !== type) throw new Error(`${type} expected, ${message.type} received`);
  return message;
}

// Sections 3, 4.3 and 6.2: hello, then open; at most three redirects are followed.
async function openStream(endpoint, request, redirects = 3) {
  const socket = new Dealer({ linger: 0, receiveTimeout: TIMEOUT_MS, sendTimeout: TIMEOUT_MS });
  socket.connect(endpoint);
  await send(socket, { type: "hello", major: 1, minor: 0, client: "node example" });
  const welcome = await expect(socket, "welcome");
  if (welcome.major !== 1) throw new Error(`version ${welcome.major} is not spoken here`);
  await send(socket, { type: "open", stream: STREAM, ...request });
  const opened = await expect(socket, "opened");
  if (!opened.redirect) return { socket, opened };
  socket.close();
  if (redirects === 0) throw new Error("redirected too often");
  return openStream(opened.redirect, request, redirects - 1);
}

function planar(interleaved, first, frames) {
  const block = new Float32Array(CHANNELS * frames);
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    for (let frame = 0; frame < frames; frame += 1) {
      block[channel * frames + frame] = interleaved[(first + frame) * CHANNELS + channel];
    }
  }
  return block;
}

function interleaved(pcm, stem, frames) {
  const floats = new Float32Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.length));
  const start = stem * CHANNELS * frames;
  const samples = new Float32Array(CHANNELS * frames);
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    for (let frame = 0; frame < frames; frame += 1) {
      samples[frame * CHANNELS + channel] = floats[start + channel * frames + frame];
    }
  }
  return Buffer.from(samples.buffer);
}

// Section 6.5: never more than credit_frames sent and not yet answered. Section 6.8: flush at the end.
async function separate(socket, opened, audio, deliver) {
  const total = audio.length / CHANNELS;
  let sent = 0;
  let answered = 0;
  let sequence = 0;
  const takeStems = (message) => {
    if (message.position_samples !== answered) throw new Error("stems are missing");
    deliver(message);
    answered += message.frames;
  };
  while (sent < total) {
    const frames = Math.min(BLOCK_FRAMES, total - sent);
    while (sent + frames - answered > opened.credit_frames) {
      takeStems(await expect(socket, "stems"));
    }
    const header = { type: "audio", stream: STREAM, sequence, position_samples: sent };
    await send(socket, { ...header, channels: CHANNELS, frames }, planar(audio, sent, frames));
    sent += frames;
    sequence += 1;
  }
  await send(socket, { type: "flush", stream: STREAM });
  for (let message = await receive(socket); message.type !== "flushed"; ) {
    takeStems(message);
    message = await receive(socket);
  }
  if (answered !== total) throw new Error(`${answered} of ${total} frames came back`);
}

async function main([endpoint, input, directory, rate = "44100", model = "", profile = "offline"]) {
  const bytes = readFileSync(input);
  const audio = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const { socket, opened } = await openStream(endpoint, {
    rate_hz: Number(rate),
    channels: CHANNELS,
    max_block_frames: BLOCK_FRAMES,
    model,
    profile,
    freewheel: true,
  });
  mkdirSync(directory, { recursive: true });
  const files = new Map(
    opened.stems.map((stem) => [stem, openSync(join(directory, `${stem}.f32`), "w")]),
  );
  await separate(socket, opened, audio, (message) => {
    message.stems.forEach((stem, index) => {
      writeSync(files.get(stem), interleaved(message.pcm, index, message.frames));
    });
  });
  await send(socket, { type: "close", stream: STREAM });
  await expect(socket, "closed");
  socket.close();
  for (const file of files.values()) closeSync(file);
  const { model: name, profile: ran, stems, latency } = opened;
  console.log(JSON.stringify({ model: name, profile: ran, stems, latency }));
}

if (process.argv.length < 5) {
  console.error("usage: node separate.mjs ENDPOINT INPUT.f32 OUTPUT_DIR [RATE_HZ] [MODEL] [PROFILE]");
  process.exit(2);
}
main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});

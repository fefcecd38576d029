// The worker thread of `quickjs()`. It holds one QuickJS at a time, made before it is needed and used for one program:
// its own WebAssembly instance on its own memory, whose maximum is the limit that nothing inside can pass.
//
// From the host: { type: "run", … } and { type: "answer", id, text }. To the host: { type: "ready" }, { type: "call",
// id, name, text }, { type: "waiting" } when only answers can wake the program, and { type: "end", … } once a run.
import { parentPort, workerData } from "node:worker_threads";
import releaseSync from "@jitl/quickjs-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant, newVariant } from "quickjs-emscripten-core";

const { wasmModule, prelude, kit, memoryBytes, stackBytes } = workerData;
const PAGE = 65_536;
const ENGINE_BYTES = 12 * 2 ** 20; // of the limit: this thread, and V8 compiling QuickJS's hot functions
const INITIAL_PAGES = 256; // what the module was linked with
const JOBS_AT_ONCE = 64;

// QuickJS asks this thread for the time and the time zone. Both are the run's, not the machine's.
let clock = 0;
Date.now = () => clock++;
const { prototype: date } = Date;
for (const part of ["Seconds", "Minutes", "Hours", "Date", "Month", "FullYear", "Day"]) {
  date[`get${part}`] = date[`getUTC${part}`];
}
date.getTimezoneOffset = () => 0;

/** A QuickJS that has run nothing yet but the prelude. */
async function prepare(memory, stack) {
  const wasmMemory = new WebAssembly.Memory({
    initial: INITIAL_PAGES,
    maximum: Math.floor((memory - ENGINE_BYTES) / PAGE),
  });
  const silent = { print() {}, printErr() {}, thisProgram: "guest" };
  const variant = newVariant(releaseSync, { wasmModule, wasmMemory, emscriptenModule: silent });
  const module = await newQuickJSWASMModuleFromVariant(variant);
  const runtime = module.newRuntime({ maxStackSizeBytes: stack });
  const context = runtime.newContext();
  const setUp = context.evalCode(prelude, "prelude.js").unwrap();
  return { memory, stack, wasmMemory, runtime, context, setUp };
}

let ready = await prepare(memoryBytes, stackBytes);

/** Runs one program; `reply` hears the answers of host functions. */
let reply = () => {};

async function run(job) {
  if (ready.memory !== job.memoryBytes || ready.stack !== job.stackBytes) {
    ready = await prepare(job.memoryBytes, job.stackBytes);
  }
  const { wasmMemory, runtime, context, setUp } = ready;
  ready = undefined;
  clock = job.clockMs;

  const written = new Int32Array(job.stdout, 0, 1);
  const stdout = new Uint8Array(job.stdout, 4);
  const encoder = new TextEncoder();
  let ending; // how the run ended, once it has
  let hasBegun = false; // from then on, whatever breaks was broken by the program
  let calls = 0;
  let answers = 0;
  runtime.setInterruptHandler(() => ending !== undefined);

  const end = (how) => {
    if (ending !== undefined) return;
    ending = how;
    parentPort.postMessage({ type: "end", ...how, memoryBytes: wasmMemory.buffer.byteLength });
  };
  // The module asks for a twentieth more than it has at least, and takes no for an answer.
  const isFull = () => wasmMemory.buffer.byteLength * 1.06 > job.memoryBytes - ENGINE_BYTES;
  const crash = (error) => {
    // V8's own stack ran out below QuickJS, or WebAssembly trapped, which it does when it cannot grow.
    if (error instanceof RangeError) end({ limit: "stack" });
    else if (isFull()) end({ limit: "memory" });
    else end({ crash: `the engine broke: ${error?.message}`, hasBegun });
  };

  /** The text of a guest's string, `undefined` if it is longer than `limit` or no string. Never copies a long one. */
  const take = (handle, limit) => {
    if (context.typeof(handle) !== "string") return undefined;
    const length = context.getProp(handle, "length").consume((value) => context.getNumber(value));
    return length > limit ? undefined : context.getString(handle);
  };

  const print = context.newFunction("print", (handle) => {
    if (ending !== undefined) return;
    const text = take(handle, job.stdoutBytes + 1) ?? "";
    const from = written[0];
    const { read, written: bytes } = encoder.encodeInto(text, stdout.subarray(from));
    Atomics.store(written, 0, from + bytes);
    if (read < text.length || text === "") end({ limit: "stdout" });
  });
  const call = context.newFunction("call", (id, name, text) => {
    if (ending !== undefined) return;
    if (++calls > job.bridgeCalls) return end({ limit: "calls" });
    const argument = take(text, job.resultBytes);
    parentPort.postMessage({ type: "call", id: context.getNumber(id), name: take(name, 1000), text: argument });
  });

  /** The value of a call or an evaluation, or a description of what it threw. */
  const unwrap = (result, describe) => {
    if (result.error === undefined) return result.value;
    if (ending !== undefined) return undefined;
    if (describe === undefined) return end(isFull() ? { limit: "memory" } : { crash: "the prelude failed", hasBegun });
    const thrown = result.error;
    const described = context.callFunction(describe, context.undefined, thrown);
    const text = described.error === undefined ? take(described.value, 100_000) : undefined;
    return end(text === undefined ? { limit: "memory" } : { text, phase: "load", memoryFull: isFull() });
  };
  const evaluate = (code, file, describe) => unwrap(context.evalCode(code, file), describe);

  try {
    const doors = context.newObject();
    context.setProp(doors, "print", print);
    context.setProp(doors, "call", call);
    const settings = evaluate(`(${job.settings})`, "settings.js");
    if (ending !== undefined) return;
    const api = unwrap(context.callFunction(setUp, context.undefined, doors, settings));
    if (ending !== undefined) return;
    const [start, settle, describe, random] = ["start", "settle", "describe", "random"].map((name) =>
      context.getProp(api, name),
    );
    context.setProp(context.getProp(context.global, "Math"), "random", random);
    if (job.kit) for (const file of kit) evaluate(file, "kit.js");
    if (ending !== undefined) return;
    hasBegun = true;
    const main = evaluate(job.source, "program.js", describe);
    if (ending !== undefined) return;
    const promise = unwrap(context.callFunction(start, context.undefined, main), describe);

    const pump = () => {
      while (ending === undefined) {
        const { error } = runtime.executePendingJobs(JOBS_AT_ONCE);
        error?.dispose();
        if (ending !== undefined) return;
        const state = context.getPromiseState(promise);
        if (state.type === "fulfilled") {
          // A result's JSON has at most `resultBytes`, a description of an error about 30,000 characters.
          const text = take(state.value, Math.max(job.resultBytes + 1, 100_000));
          return end(text === undefined ? { limit: "result" } : { text, phase: "run", memoryFull: isFull() });
        }
        if (state.type === "rejected")
          return end(
            isFull() ? { limit: "memory" } : { crash: "the program broke the promise of its result", hasBegun },
          );
        if (error === undefined && runtime.hasPendingJob()) continue;
        if (answers === calls) return end(isFull() ? { limit: "memory" } : { stalled: true });
        return parentPort.postMessage({ type: "waiting", answers });
      }
    };
    reply = ({ id, text }) => {
      try {
        answers++;
        const settled = context.callFunction(settle, context.undefined, context.newNumber(id), context.newString(text));
        unwrap(settled, describe);
        pump();
      } catch (error) {
        crash(error);
      }
    };
    pump();
  } catch (error) {
    crash(error);
  }
}

parentPort.on("message", async (message) => {
  if (message.type === "answer") return reply(message);
  if (message.type === "run") return run(message);
  // { type: "prepare" }: the host has no further interest in the last run.
  reply = () => {};
  ready = await prepare(memoryBytes, stackBytes);
  parentPort.postMessage({ type: "ready" });
});
parentPort.postMessage({ type: "ready" });

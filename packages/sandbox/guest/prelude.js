// Runs in the guest before its program: an expression whose value is a function of the two doors to the host,
// `print(text)` and `call(id, name, text)`, and of the settings of the run. It keeps what it needs of the language for
// itself, so that a program may change any global or prototype and harms only itself.
//
// Texts that leave the guest start with a letter: v a value as JSON, u no value, x a value that is no JSON (why),
// l a value that is too long, e an error as JSON { name, message, stack }.
(function prepare(host, settings) {
  const { print, call } = host;
  const { functions, input, seed, stdoutLimit, resultLimit } = settings;
  const { parse, stringify } = JSON;
  const { apply } = Reflect;
  const { defineProperty, getPrototypeOf, keys } = Object;
  const { isView } = ArrayBuffer;
  const { prototype: ObjectPrototype } = Object;
  const { toString: plainToString } = ObjectPrototype;
  const { isArray } = Array;
  const { isFinite: isFiniteNumber } = Number;
  const { slice, replaceAll } = String.prototype;
  const { then } = Promise.prototype;
  const { imul } = Math;
  const { get: getPending, set: setPending, delete: deletePending } = Map.prototype;
  const { Promise: GuestPromise, Error: GuestError, Map: GuestMap, Set: GuestSet, String: text } = globalThis;

  const head = (string, length) => (string.length > length ? apply(slice, string, [0, length]) : string);
  // Not by assignment, which asks the setters of a prototype.
  const set = (list, at, value) =>
    defineProperty(list, at, { __proto__: null, value, writable: true, configurable: true, enumerable: true });
  const define = (name, value) =>
    defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });

  // What console.log shows: JSON where there is nothing better, and never an error.
  function readable(_key, value) {
    if (typeof value === "bigint" || typeof value === "symbol" || typeof value === "function") return text(value);
    if (typeof value === "number" && !isFiniteNumber(value)) return text(value);
    if (value instanceof GuestMap || value instanceof GuestSet) return [...value];
    if (value instanceof GuestError) return text(value);
    return value;
  }

  function format(value) {
    if (typeof value === "string") return value;
    try {
      if (typeof value !== "object" || value === null) return text(value);
      if (!isArray(value) && typeof value.toString === "function" && value.toString !== plainToString) {
        if (!(value instanceof GuestMap || value instanceof GuestSet)) return text(value);
      }
      return stringify(value, readable);
    } catch {
      return `[${typeof value}]`;
    }
  }

  function write(...values) {
    let line = "";
    for (let i = 0; i < values.length; i++) {
      line += (i === 0 ? "" : " ") + head(format(values[i]), stdoutLimit + 1);
      if (line.length > stdoutLimit) break;
    }
    print(head(`${apply(replaceAll, line, ["\0", "\ufffd"])}\n`, stdoutLimit + 1));
  }

  function nameOf(value) {
    const maker = value.constructor;
    return typeof maker === "function" && typeof maker.name === "string" && maker.name !== "" ? maker.name : "object";
  }

  // JSON.stringify drops functions and turns NaN into null without a word; a result must not change on its way. The host's
  // values are written by the same rules, in src/strict-json.ts.
  class NoJson extends GuestError {}
  // What stands above the value that JSON.stringify is at, the outermost first, and under which key each stands.
  const holders = [];
  const places = [];
  let depth = 0;
  function refuseAt(key, what, advice = "") {
    let path = "";
    for (let i = 1; i <= depth && path.length < 100; i++) {
      const step = i < depth ? places[i] : key;
      path += isArray(holders[i - 1]) ? `[${step}]` : path === "" ? step : `.${step}`;
    }
    throw new NoJson(`${what}${path === "" ? "" : ` at "${head(path, 100)}"`}${advice}`);
  }
  function strict(key, value) {
    while (depth > 0 && holders[depth - 1] !== this) depth--;
    if (value === undefined && isArray(this)) refuseAt(key, "undefined", ": return null");
    if (typeof value === "number" && !isFiniteNumber(value)) refuseAt(key, text(value), ": return a string");
    if (typeof value === "bigint") refuseAt(key, "a BigInt", ": return Number(x) or String(x)");
    if (typeof value === "function" || typeof value === "symbol") refuseAt(key, `a ${typeof value}`);
    if (typeof value !== "object" || value === null) return value;
    const isHollow = value instanceof GuestMap || value instanceof GuestSet || isView(value);
    if (isHollow) refuseAt(key, `a ${nameOf(value)}`, ": return [...x]");
    if (!isArray(value)) {
      const prototype = getPrototypeOf(value);
      if (prototype !== ObjectPrototype && prototype !== null && keys(value).length === 0) {
        refuseAt(key, `a ${nameOf(value)}`, value instanceof GuestPromise ? ": await it" : "");
      }
    }
    set(holders, depth, value);
    set(places, depth, key);
    depth++;
    return value;
  }

  function encode(value) {
    if (value === undefined) return "u";
    let json;
    depth = 0;
    try {
      json = stringify(value, strict);
    } catch (error) {
      if (error instanceof NoJson) return `x${error.message}`;
      if (error instanceof TypeError && error.message === "circular reference") return "xa value that contains itself";
      throw error;
    }
    if (json === undefined) return "xundefined";
    return json.length > resultLimit ? "l" : `v${json}`;
  }

  function read(object, key, length) {
    try {
      return object[key] === undefined ? "" : head(text(object[key]), length);
    } catch {
      return "";
    }
  }

  function describe(error) {
    let name = "";
    let message = "";
    let stack = "";
    if ((typeof error === "object" && error !== null) || typeof error === "function") {
      name = read(error, "name", 100);
      message = read(error, "message", 1500);
      stack = read(error, "stack", 8000);
    }
    if (name === "" && message === "") message = head(format(error), 1500);
    // Without a prototype, so that no toJSON of the program's is found.
    return `e${stringify({ __proto__: null, name, message, stack })}`;
  }

  // Calls of host functions that wait for their answer, by number.
  const pending = new GuestMap();
  let calls = 0;
  function callHost(name, argument) {
    const sent = encode(argument === undefined ? null : argument);
    return new GuestPromise((resolve, reject) => {
      if (sent[0] !== "v") {
        const reason = sent === "l" ? `longer than ${resultLimit} bytes` : apply(slice, sent, [1]);
        reject(new GuestError(`${name}: the argument must be JSON, got ${reason}`));
        return;
      }
      const id = ++calls;
      apply(setPending, pending, [id, { resolve, reject }]);
      call(id, name, apply(slice, sent, [1]));
    });
  }

  /** The host's answer to call `id`: `v` and JSON, `u`, or `e` and a message. */
  function settle(id, answer) {
    const { resolve, reject } = apply(getPending, pending, [id]);
    apply(deletePending, pending, [id]);
    const rest = apply(slice, answer, [1]);
    if (answer[0] === "e") reject(new GuestError(rest));
    else resolve(answer[0] === "u" ? undefined : parse(rest));
  }

  let state = seed;
  function random() {
    state = (state + 0x9e3779b9) | 0;
    let bits = imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  }

  const lines = { log: write, info: write, debug: write, warn: write, error: write };
  if (typeof console === "undefined") define("console", lines);
  else for (const name of ["log", "info", "debug", "warn", "error"]) console[name] = write;
  define("print", write);
  define("input", parse(input));
  for (const name of functions) define(name, (argument) => callHost(name, argument));

  /** Runs the program to its end and says how it ended. Without await, which reads what the program may have changed. */
  function start(main) {
    return new GuestPromise((resolve) => {
      const fail = (error) => resolve(describe(error));
      const succeed = (value) => {
        try {
          resolve(encode(value));
        } catch (error) {
          fail(error);
        }
      };
      try {
        apply(then, main(), [succeed, fail]);
      } catch (error) {
        fail(error);
      }
    });
  }

  return { start, settle, describe, random };
});

import { engine, env, findBackendFactory, ready, setBackend } from "@tensorflow/tfjs-core";
import "./gradients.ts";
import { ConfigError, StateError } from "@cambium/base";
import { registerMissingKernels } from "./missing-kernels.ts";

/** What can be asked for: a backend by name, or the fastest that runs here. */
export type BackendChoice = "auto" | "onnx" | "webgpu" | "wasm" | "cpu" | "tensorflow";

/** The backend in use. */
export interface Runtime {
  /** Name in tfjs-core's registry. */
  readonly backend: string;
  readonly device: "cpu" | "gpu";
  /** Why this one: what was asked for, what was tried, and what failed. */
  readonly reason: string;
}

/** A package that registers a backend. */
interface Package {
  readonly name: string;
  /** Imports it, and throws where it cannot run. */
  load(): Promise<unknown>;
}

interface Candidate {
  readonly device: Runtime["device"];
  /** Whether it needs Node, native code being part of it. */
  readonly isForNode?: boolean;
  /** The first that loads is taken. */
  readonly packages: readonly Package[];
}

/** Packages for Node alone are imported by a name that bundlers do not follow; those for browsers they must see. */
const forNode = (name: string): Package => ({ name, load: () => import(/* @vite-ignore */ name) });

const candidates: Readonly<Record<Exclude<BackendChoice, "auto">, Candidate>> = {
  onnx: {
    device: "cpu",
    isForNode: true,
    packages: [
      {
        name: "@cambium/backend-onnx",
        load: async () => (await import("@cambium/backend-onnx")).checkRuntime(),
      },
    ],
  },
  webgpu: {
    device: "gpu",
    packages: [{ name: "@tensorflow/tfjs-backend-webgpu", load: () => import("@tensorflow/tfjs-backend-webgpu") }],
  },
  wasm: {
    device: "cpu",
    packages: [{ name: "@tensorflow/tfjs-backend-wasm", load: () => import("@tensorflow/tfjs-backend-wasm") }],
  },
  cpu: {
    device: "cpu",
    packages: [{ name: "@tensorflow/tfjs-backend-cpu", load: () => import("@tensorflow/tfjs-backend-cpu") }],
  },
  tensorflow: {
    device: "cpu",
    isForNode: true,
    packages: [forNode("@tensorflow/tfjs-node-gpu"), forNode("@tensorflow/tfjs-node")],
  },
};

/** Fastest first. A browser's GPU comes before anything on its CPU. */
function automaticOrder(): readonly Exclude<BackendChoice, "auto">[] {
  return env().getBool("IS_NODE") ? ["onnx", "wasm", "cpu"] : ["webgpu", "wasm", "cpu"];
}

/** Whether an error says that a package is not there: in Node, or in a bundle that was made without it. */
function isMissing(cause: unknown, name: string): boolean {
  const { code } = cause as { code?: string };
  return (code === "ERR_MODULE_NOT_FOUND" || /could not resolve/i.test(String(cause))) && String(cause).includes(name);
}

/** Loads the first of a backend's packages that can be; returns which, and why not those before it. */
async function loadFirst(choice: string, packages: readonly Package[]): Promise<{ name: string; others: string[] }> {
  const failures: { name: string; cause: unknown }[] = [];
  for (const { name, load } of packages) {
    try {
      await load();
      return { name, others: failures.map((failure) => `${failure.name}: ${messageOf(failure.cause)}`) };
    } catch (cause) {
      failures.push({
        name,
        cause: isMissing(cause, name) ? new StateError({ message: "not installed", cause }) : cause,
      });
    }
  }
  const broken = failures.find(({ cause }) => messageOf(cause) !== "not installed");
  if (broken !== undefined) throw broken.cause;
  throw new StateError({
    message: `${packages.map(({ name }) => name).join(" or ")} is not installed; install it to use the backend "${choice}"`,
    cause: failures[0]?.cause,
  });
}

/** Spares users the plain backend's advice to install another one. */
function quieten(): void {
  const plain = engine().findBackend("cpu") as { firstUse?: boolean } | null;
  if (plain !== null) plain.firstUse = false;
}

/** A backend that is in use now: the package it comes from, why not from others, and where it computes. */
interface Success {
  readonly packageName: string;
  readonly others: readonly string[];
  readonly device: Runtime["device"];
}

/** Tries one backend. */
async function tryBackend(name: Exclude<BackendChoice, "auto">): Promise<Success | { readonly error: unknown }> {
  const { packages, device, isForNode = false } = candidates[name];
  if (isForNode && !env().getBool("IS_NODE")) return { error: new StateError({ message: "it runs in Node only" }) };
  try {
    const loaded = await loadFirst(name, packages);
    if (findBackendFactory(name) === null)
      return { error: new StateError({ message: `${loaded.name} finds nothing here that it could run on` }) };
    if (!(await setBackend(name)))
      return { error: new StateError({ message: `the backend "${name}" could not be initialised here` }) };
    await ready();
    registerMissingKernels(name);
    quieten();
    const { isUsingGpuDevice } = engine().backend as { isUsingGpuDevice?: boolean }; // tfjs-node-gpu also runs without one
    return { packageName: loaded.name, others: loaded.others, device: isUsingGpuDevice === true ? "gpu" : device };
  } catch (error) {
    return { error };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split("\n")[0]!;

/** Calls wait for those before them, so that each answers with its own backend. */
let lastChoice: Promise<unknown> = Promise.resolve();

/**
 * Chooses the backend that all tensors live on, and says which and why. Call it once, before tensors are made. Of several
 * calls at once each chooses in its turn, and the last one stays.
 *
 * `"auto"` takes the first that works of onnx, wasm, cpu in Node, and of webgpu, wasm, cpu in a browser. Backends are
 * optional packages, imported when chosen. `"tensorflow"` is `@tensorflow/tfjs-node-gpu` where that loads, else
 * `@tensorflow/tfjs-node`; the reason says which.
 *
 * @param choice - A backend by name, or `"auto"`. @default "auto"
 * @throws {ConfigError} When there is no such choice.
 * @throws {StateError} When the backend asked for does not run here; says what to do.
 * @example
 * const { backend, reason } = await useBackend();
 */
export async function useBackend(choice: BackendChoice = "auto"): Promise<Runtime> {
  if (choice !== "auto" && !Object.hasOwn(candidates, choice)) {
    throw new ConfigError({
      message: `useBackend: "${choice}" is none of auto, ${Object.keys(candidates).join(", ")}`,
      choice,
    });
  }
  const turn = lastChoice.then(() => choose(choice));
  lastChoice = turn.catch(() => {}); // the caller's to handle
  return turn;
}

async function choose(choice: BackendChoice): Promise<Runtime> {
  const failures: { name: string; error: unknown }[] = [];
  for (const name of choice === "auto" ? automaticOrder() : [choice]) {
    const tried = await tryBackend(name);
    if (!("error" in tried)) {
      const before = failures.map((failure) => `${failure.name}: ${messageOf(failure.error)}`);
      const why = choice === "auto" ? "the fastest that runs here" : "asked for by name";
      const from = candidates[name].packages.length > 1 ? [tried.packageName, ...tried.others] : [];
      const details = [...from, ...before].join("; ");
      return { backend: name, device: tried.device, reason: details === "" ? why : `${why} (${details})` };
    }
    failures.push({ name, error: tried.error });
  }
  const [failure] = failures;
  throw new StateError({
    message: `useBackend: ${failures.map(({ name, error }) => `"${name}" does not run here: ${messageOf(error)}`).join("; ")}`,
    cause: failure?.error,
    choice,
  });
}

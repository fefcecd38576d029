import { env, getBackend, ready, setBackend } from "@tensorflow/tfjs-core";
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

interface Candidate {
  readonly device: Runtime["device"];
  /** Imports the package that registers the backend, and throws where it cannot run. */
  load(): Promise<unknown>;
  readonly packageName: string;
}

/** Packages that no package of ours depends on are imported by a name that bundlers do not follow. */
const importOptional = (name: string): Promise<unknown> => import(/* @vite-ignore */ name);

const candidates: Readonly<Record<Exclude<BackendChoice, "auto">, Candidate>> = {
  onnx: {
    device: "cpu",
    packageName: "@cambium/backend-onnx",
    load: async () => (await import("@cambium/backend-onnx")).checkRuntime(),
  },
  webgpu: {
    device: "gpu",
    packageName: "@tensorflow/tfjs-backend-webgpu",
    load: () => importOptional("@tensorflow/tfjs-backend-webgpu"),
  },
  wasm: {
    device: "cpu",
    packageName: "@tensorflow/tfjs-backend-wasm",
    load: () => import("@tensorflow/tfjs-backend-wasm"),
  },
  cpu: {
    device: "cpu",
    packageName: "@tensorflow/tfjs-backend-cpu",
    load: () => import("@tensorflow/tfjs-backend-cpu"),
  },
  tensorflow: {
    device: "cpu",
    packageName: "@tensorflow/tfjs-node",
    load: () => importOptional("@tensorflow/tfjs-node"),
  },
};

/** Fastest first. A browser's GPU comes before anything on its CPU. */
function automaticOrder(): readonly Exclude<BackendChoice, "auto">[] {
  return env().getBool("IS_NODE") ? ["onnx", "wasm", "cpu"] : ["webgpu", "wasm", "cpu"];
}

/** Tries one backend; returns what went wrong, or nothing when it is in use. */
async function tryBackend(name: Exclude<BackendChoice, "auto">): Promise<unknown> {
  const { load, packageName } = candidates[name];
  try {
    await load();
  } catch (cause) {
    if ((cause as { code?: string }).code === "ERR_MODULE_NOT_FOUND" && String(cause).includes(packageName)) {
      return new StateError({
        message: `${packageName} is not installed; install it to use the backend "${name}"`,
        cause,
      });
    }
    return cause;
  }
  try {
    if (await setBackend(name)) {
      await ready();
      registerMissingKernels(name);
      return undefined;
    }
    return new StateError({ message: `the backend "${name}" could not be initialised here` });
  } catch (cause) {
    return cause;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split("\n")[0]!;

/**
 * Chooses the backend that all tensors live on, and says which and why. Call it once, before tensors are made.
 *
 * `"auto"` takes the first that works of onnx, wasm, cpu in Node, and of webgpu, wasm, cpu in a browser. Backends are
 * optional packages, imported when chosen.
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
  const failures: { name: string; error: unknown }[] = [];
  for (const name of choice === "auto" ? automaticOrder() : [choice]) {
    const error = await tryBackend(name);
    if (error === undefined) {
      const before = failures.map((failure) => `${failure.name}: ${messageOf(failure.error)}`).join("; ");
      const reason =
        choice !== "auto"
          ? "asked for by name"
          : failures.length === 0
            ? "the fastest that runs here"
            : `the fastest that runs here (${before})`;
      return { backend: getBackend(), device: candidates[name].device, reason };
    }
    failures.push({ name, error });
  }
  const [failure] = failures;
  throw new StateError({
    message: `useBackend: ${failures.map(({ name, error }) => `"${name}" does not run here: ${messageOf(error)}`).join("; ")}`,
    cause: failure?.error,
    choice,
  });
}

import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Says whether something got out of a sandbox, or into the host. */
export interface EscapeOracle {
  /** A file that this process can read and a guest must not. */
  readonly file: string;
  /** What a guest must never see: it stands in the file and in the environment of this process. */
  readonly canary: string;
  /** What escaped, if anything did: `seen` is all that came from the guest. */
  findEscape(seen: unknown): string | undefined;
  /** Removes the file and the variable. */
  remove(): void;
}

const PROTOTYPES = [Object, Array, Function, String, Number, Boolean, RegExp, Date, Map, Set, Promise, Error].map(
  (owner) => owner.prototype,
);
const WATCHED: readonly object[] = [...PROTOTYPES, Object, Array, JSON, Math, Reflect, Promise, Symbol, Error];

type Snapshot = readonly ReadonlyMap<PropertyKey, PropertyDescriptor>[];

const snapshot = (): Snapshot =>
  WATCHED.map(
    (object) => new Map(Reflect.ownKeys(object).map((key) => [key, Reflect.getOwnPropertyDescriptor(object, key)!])),
  );

function isSame(before: Snapshot, after: Snapshot): boolean {
  return before.every((properties, i) => {
    if (properties.size !== after[i]!.size) return false;
    for (const [key, { value, get, set }] of properties) {
      const now = after[i]!.get(key);
      if (now === undefined || now.value !== value || now.get !== get || now.set !== set) return false;
    }
    return true;
  });
}

/** Puts up the canary and remembers what the host looks like. */
export function watchHost(): EscapeOracle {
  const canary = `canary-${randomUUID()}`;
  const folder = mkdtempSync(join(tmpdir(), "cambium-canary-"));
  const file = join(folder, "canary.txt");
  writeFileSync(file, canary);
  process.env["CAMBIUM_CANARY"] = canary;
  const before = snapshot();
  const globals = new Set(Reflect.ownKeys(globalThis));
  return {
    file,
    canary,
    findEscape(seen) {
      if (JSON.stringify(seen)?.includes(canary)) return "the canary was seen";
      if (!isSame(before, snapshot())) return "a prototype of the host was changed";
      const added = Reflect.ownKeys(globalThis).find((key) => !globals.has(key));
      return added === undefined ? undefined : `the host has a new global ${String(added)}`;
    },
    remove() {
      delete process.env["CAMBIUM_CANARY"];
      rmSync(folder, { recursive: true });
    },
  };
}

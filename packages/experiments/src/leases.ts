/**
 * Who works on which run, among the processes that share a folder on one machine.
 *
 * A claim of a run is a file `claims/<key>.<generation>` that only one process can create. Its holder touches it every
 * few seconds. Others judge it by what they see themselves: a file that was not touched while they looked for as long as
 * `leaseMs` is a dead process's, and whoever creates the next generation has taken the run over. No clock is compared with
 * another, and time in which the watcher itself stood still does not count. A process that is known to be gone from this
 * machine needs no wait.
 */
import { readlinkSync } from "node:fs";
import { mkdir, open, readdir, readFile, rm, rmdir, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { kill, pid } from "node:process";
import { FileError } from "@cambium/base";

/** Claims of one process on runs of one folder. */
export interface Leases {
  /** Claims a run; false while another process holds it. */
  take(key: string): Promise<boolean>;
  /** Gives a run back, whether done or not. */
  release(key: string): Promise<void>;
  /** Gives back all runs, and removes what dead processes left: their claims on runs that are done. */
  close(isDone: (key: string) => boolean): Promise<void>;
}

interface Watched {
  readonly modified: number;
  /** When it was last looked at, and how long it had been still by then, in ms of this process's own clock. */
  readonly lookedAt: number;
  readonly stillMs: number;
}

/** This machine, and this container of it: processes elsewhere cannot be asked whether they live. */
function thisMachine(): string {
  try {
    return `${hostname()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

function isRunning(id: number): boolean {
  try {
    return kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

/** @param leaseMs - How long a claim that is not touched is respected. */
export function createLeases(path: string, leaseMs: number): Leases {
  const folder = join(resolve(path), "claims");
  const machine = thisMachine();
  const held = new Map<string, number>();
  const watched = new Map<string, Watched>();
  let lastBeat = 0;

  const fileOf = (key: string, generation: number): string => join(folder, `${key}.${generation}`);

  const beat = setInterval(() => {
    lastBeat = Math.max(lastBeat + 10, Date.now()); // a clock that was set back must not stand still
    // A claim that cannot be touched is lost to whoever takes it over; what both find is the same.
    for (const [key, generation] of held) {
      utimes(fileOf(key, generation), lastBeat / 1000, lastBeat / 1000).catch(() => undefined);
    }
  }, leaseMs / 4);
  beat.unref();

  /** Whether the process that wrote a claim is known to be gone. */
  async function isGone(file: string): Promise<boolean> {
    try {
      const owner = JSON.parse(await readFile(file, "utf8")) as { machine?: string; pid?: number };
      return owner.machine === machine && owner.pid !== undefined && owner.pid !== pid && !isRunning(owner.pid);
    } catch {
      return false; // just being written, or removed
    }
  }

  /** Whether a claim is a dead process's, as far as this one has seen. */
  async function isDead(file: string): Promise<boolean> {
    const now = performance.now();
    const modified = (await stat(file)).mtimeMs;
    const before = watched.get(file);
    const isStill = before?.modified === modified;
    const stillMs = isStill ? before.stillMs + Math.min(now - before.lookedAt, leaseMs / 4) : 0;
    watched.set(file, { modified, lookedAt: now, stillMs });
    return stillMs >= leaseMs || (await isGone(file));
  }

  async function generationsOf(key: string): Promise<number[]> {
    const names = await readdir(folder);
    return names
      .filter((name) => name.startsWith(`${key}.`))
      .map((name) => Number(name.slice(key.length + 1)))
      .sort((a, b) => a - b);
  }

  async function create(file: string): Promise<boolean> {
    try {
      const handle = await open(file, "wx");
      try {
        await handle.writeFile(JSON.stringify({ machine, pid }));
      } finally {
        await handle.close();
      }
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      await rm(file, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async function take(key: string): Promise<boolean> {
    await mkdir(folder, { recursive: true });
    const seen = await generationsOf(key);
    const last = seen.at(-1) ?? 0;
    try {
      if (last > 0 && !(await isDead(fileOf(key, last)))) return false;
    } catch (error) {
      if (isMissing(error)) return false; // given back just now: the next look finds it free
      throw error;
    }
    const own = last + 1;
    if (!(await create(fileOf(key, own)))) return false;
    // Between the two looks somebody may have given the run back and somebody else claimed it from the start.
    const strange = (await generationsOf(key)).some((generation) => generation !== own && !seen.includes(generation));
    if (strange) {
      await rm(fileOf(key, own), { force: true });
      return false;
    }
    held.set(key, own);
    return true;
  }

  async function release(key: string): Promise<void> {
    const own = held.get(key);
    if (own === undefined) return;
    held.delete(key);
    for (const generation of await generationsOf(key).catch(() => [own])) {
      watched.delete(fileOf(key, generation));
      if (generation <= own) await rm(fileOf(key, generation), { force: true });
    }
  }

  return {
    async take(key) {
      try {
        return await take(key);
      } catch (cause) {
        if (isMissing(cause)) return false; // the folder went with its last claim
        const { code, message } = cause as NodeJS.ErrnoException;
        const reason = code === "ENOSPC" || code === "EDQUOT" ? "full" : "other";
        throw new FileError({
          message: `runStudy: cannot claim a run in ${folder}: ${message}`,
          cause,
          reason,
          path: folder,
        });
      }
    },
    release,
    async close(isDone) {
      clearInterval(beat);
      await Promise.all([...held.keys()].map(release));
      for (const name of await readdir(folder).catch(() => [])) {
        if (isDone(name.slice(0, name.lastIndexOf(".")))) await rm(join(folder, name), { force: true });
      }
      await rmdir(folder).catch(() => undefined); // others' claims are in it, or it never was
    },
  };
}

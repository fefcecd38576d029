/**
 * The laws that every sandbox keeps. Read `families` from top to bottom: each law is one test, and after each the oracle
 * says whether anything escaped and the sandbox must run a plain program. Laws of a life (queue, cancelling, what is left
 * behind) follow below.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { SandboxAdapterOptions } from "../adapter.ts";
import type { HostFunction, Sandbox, SandboxOptions, SandboxOutcome } from "../sandbox.ts";
import { calls, errors, results, thenables } from "./crossing.ts";
import { type EscapeOracle, watchHost } from "./escape-oracle.ts";
import { determinism, language, surface } from "./guest.ts";
import { brief, type Expectation, fails, type Law, type Program, patient, returns } from "./law.ts";
import { floods, loops, memory, recursion } from "./limits.ts";

const families: Readonly<Record<string, readonly Law[]>> = {
  loops,
  memory,
  recursion,
  floods,
  "the guest's surface": surface,
  "the guest's language": language,
  determinism,
  results,
  thenables,
  errors,
  "host functions": calls,
};

/** Names of the laws about a sandbox's life, which `deviations` may name too. */
const LIFE = {
  waiting: "waiting for a host function is not running time",
  leaks: "no thread, process or file is left when it is closed",
} as const;

/** A law that an adapter does not keep. */
export interface Deviation {
  readonly reason: string;
  /** What holds in its place, which is tested; by default nothing is. */
  readonly instead?: Expectation;
}

/** Settings of `describeSandbox`. */
export interface DescribeSandboxOptions {
  /** By the law's sentence. */
  readonly deviations?: Readonly<Record<string, Deviation>>;
}

/** Short programs in both languages. */
const programs = {
  one: { javascript: "return 1;", python: "result = 1" },
  loop: { javascript: "for (;;);", python: "while True: pass" },
  random: {
    javascript: "return [Math.random(), Math.random()].map((x) => (x >= 0 && x < 1 ? x : 'out of range'));",
    python: "import random\nresult = [random.random(), ''.join({'a', 'b', 'c', 'd', 'e', 'f', 'g'})]",
  },
  call: { javascript: "return await again(input);", python: "result = again(input)" },
  wait: { javascript: "await wait(null); return 'waited';", python: "wait(None)\nresult = 'waited'" },
} as const;

const anything: HostFunction["input"] = { "~standard": { validate: (value) => ({ value }) } };

/** Threads, open files and child processes of this process; Linux tells, others do not. */
function possessions(): Readonly<Record<string, unknown>> | undefined {
  try {
    const threads = readdirSync("/proc/self/task").length;
    const files = readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        const target = readlinkSync(`/proc/self/fd/${fd}`);
        return target.startsWith("/proc/") ? [] : [target.replace(/\d+/g, "#")];
      } catch {
        return [];
      }
    });
    const children = readdirSync("/proc/self/task").map((thread) =>
      readFileSync(`/proc/self/task/${thread}/children`, "utf8").trim(),
    );
    return { threads, files: files.sort(), children: children.filter((list) => list !== "") };
  } catch {
    return undefined;
  }
}

/**
 * Tests a sandbox.
 *
 * @param create - Makes it, for example `quickjs`.
 */
export function describeSandbox(
  create: (options?: SandboxAdapterOptions) => Sandbox,
  { deviations = {} }: DescribeSandboxOptions = {},
): void {
  const { name, language: spoken } = create();
  const laws = Object.values(families).flat();
  const sentences = new Set<string>([...laws.map(({ law }) => law), ...Object.values(LIFE)]);
  const unknown = Object.keys(deviations).filter((law) => !sentences.has(law));
  if (unknown.length > 0) throw new Error(`describeSandbox: no such law: ${unknown.join("; ")}`);

  describe(`sandbox ${name}`, () => {
    let oracle: EscapeOracle;
    let sandbox: Sandbox;
    beforeAll(() => {
      oracle = watchHost();
      sandbox = create();
    });
    afterAll(async () => {
      await sandbox.close();
      oracle.remove();
    });

    const run = async (program: Program, options: SandboxOptions = {}): Promise<SandboxOutcome> => {
      const outcome = await sandbox.run(program, { input: { file: oracle.file }, ...options });
      expect(oracle.findEscape(outcome)).toBeUndefined();
      return outcome;
    };

    for (const [family, members] of Object.entries(families)) {
      const spokenMembers = members.flatMap(({ javascript, python, ...rest }) => {
        const program = { javascript, python }[spoken];
        return program === undefined ? [] : [{ ...rest, program }];
      });
      if (spokenMembers.length === 0) continue;
      describe(family, () => {
        for (const { law, options, expects, program } of spokenMembers) {
          const deviation = deviations[law];
          const title = deviation === undefined ? law : `deviates (${deviation.reason}): ${law}`;
          test(title, { timeout: 120_000 }, async () => {
            const outcome = await run(program, options);
            if (deviation === undefined) expects(outcome);
            else deviation.instead?.(outcome);
            returns(1)(await run(programs.one[spoken], patient));
          });
        }
      });
    }

    const { one, loop, random, call, wait } = {
      one: programs.one[spoken],
      loop: programs.loop[spoken],
      random: programs.random[spoken],
      call: programs.call[spoken],
      wait: programs.wait[spoken],
    };

    describe("life", () => {
      test("equal runs have equal hashes and equal results; another seed changes both", async () => {
        const [first, second, other] = [
          await run(random, { ...patient, seed: 7 }),
          await run(random, { ...patient, seed: 7 }),
          await run(random, { ...patient, seed: 8 }),
        ];
        expect(first).toMatchObject({ ok: true, value: second.ok && second.value, hash: second.hash });
        expect(other.ok && other.value).not.toEqual(first.ok && first.value);
        expect(other.hash).not.toBe(first.hash);
        expect(first.hash).toMatch(/^[0-9a-f]{64}$/);
      });

      test("many programs at once each get their own result", { timeout: 120_000 }, async () => {
        const echo = spoken === "python" ? "result = input" : "return input;";
        const outcomes = await Promise.all(Array.from({ length: 12 }, (_, input) => run(echo, { ...patient, input })));
        expect(outcomes.map((outcome) => outcome.ok && outcome.value)).toEqual(Array.from({ length: 12 }, (_, i) => i));
      });

      test("a signal that is aborted already cancels before anything runs", async () => {
        fails("CANCELLED")(await run(one, { signal: AbortSignal.abort() }));
      });

      test("a signal cancels a running program", async () => {
        const controller = new AbortController();
        const functions = { wait: { input: anything, run: () => controller.abort() } };
        const endless = spoken === "python" ? `wait(None)\n${loop}` : `await wait(null); ${loop}`;
        fails("CANCELLED")(await run(endless, { ...patient, functions, signal: controller.signal }));
      });

      test("a host function hears that the run is over", async () => {
        let heard: AbortSignal | undefined;
        const functions: Record<string, HostFunction> = {
          wait: {
            input: anything,
            run(_, { signal }) {
              heard = signal;
              return new Promise(() => {}); // for ever
            },
          },
        };
        const controller = new AbortController();
        const running = run(wait, { ...patient, functions, signal: controller.signal });
        await vi.waitFor(() => expect(heard?.aborted).toBe(false), { timeout: 60_000 });
        controller.abort();
        fails("CANCELLED")(await running);
        expect(heard?.aborted).toBe(true);
      });

      test("a program may be run by a host function of a program, some levels deep", { timeout: 120_000 }, async () => {
        const again: HostFunction = {
          input: anything,
          async run(level) {
            const input = (level as number) + 1;
            const inner = await sandbox.run(call, { ...patient, input, functions: { again } });
            return inner.ok ? inner.value : `${inner.failure.code} at ${input}`;
          },
        };
        returns("UNAVAILABLE at 4")(await run(call, { ...patient, input: 0, functions: { again } }));
      });

      const waitingLaw = deviations[LIFE.waiting];
      test(waitingLaw === undefined ? LIFE.waiting : `deviates (${waitingLaw.reason}): ${LIFE.waiting}`, async () => {
        const functions = { wait: { input: anything, run: () => new Promise((resolve) => setTimeout(resolve, 2500)) } };
        const outcome = await run(wait, { functions, limits: { wallMs: 2000 } });
        if (waitingLaw === undefined) returns("waited")(outcome);
        else waitingLaw.instead?.(outcome);
      });

      test("a full queue refuses, a waiting program can be cancelled, closing ends the rest", {
        timeout: 120_000,
      }, async () => {
        const small = create({ concurrency: 1, queueLength: 2 });
        const controller = new AbortController();
        const functions = { wait: { input: anything, run: () => new Promise(() => {}) } };
        const running = small.run(wait, { ...patient, functions });
        const cancelled = small.run(one, { ...patient, signal: controller.signal });
        const waiting = small.run(one, patient);
        fails("UNAVAILABLE")(await small.run(one, patient));
        controller.abort();
        fails("CANCELLED")(await cancelled);
        await small.close();
        fails("CANCELLED")(await running);
        fails("CANCELLED")(await waiting);
        fails("CANCELLED")(await small.run(one, patient));
      });

      test("a call that cannot be meant is an error with a code", async () => {
        const config = { code: "CONFIG" };
        await expect(sandbox.run(one, { limits: { wallMs: 0 } })).rejects.toMatchObject(config);
        await expect(sandbox.run(one, { limits: { wall: 1 } as never })).rejects.toMatchObject(config);
        await expect(sandbox.run(one, { seed: -1 })).rejects.toMatchObject(config);
        await expect(sandbox.run(one, { clockMs: 0.5 })).rejects.toMatchObject(config);
        const free = { input: anything, run: () => 1 };
        const circle: Record<string, unknown> = {};
        circle["circle"] = circle;
        for (const input of [5n, circle, [undefined], Number.NaN, { x: Promise.resolve(1) }, () => 1, Symbol("s")])
          await expect(sandbox.run(one, { input: input as never })).rejects.toMatchObject(config);
        for (const source of [undefined, null, 5, {}, [5], [{ name: "a" }], [{ source: "" }]])
          await expect(sandbox.run(source as never)).rejects.toMatchObject(config);
        for (const options of [null, 5, "x", []])
          await expect(sandbox.run(one, options as never)).rejects.toMatchObject(config);
        for (const called of [null, 5, {}, { run: () => 1 }, { input: anything }])
          await expect(sandbox.run(one, { functions: { f: called as never } })).rejects.toMatchObject(config);
        await expect((sandbox.run as () => Promise<unknown>)()).rejects.toMatchObject(config);
        for (const taken of ["print", "not a name", "Math", "constructor"])
          await expect(sandbox.run(one, { functions: { [taken]: free } })).rejects.toMatchObject(config);
        expect(() => create({ concurrency: 0 })).toThrow(expect.objectContaining(config));
        expect(() => create({ concurency: 2 } as never)).toThrow('unknown key "concurency"; is "concurrency" meant?');
        await expect(sandbox.run(one, { limit: {} } as never)).rejects.toThrow('is "limits" meant?');
        await expect(sandbox.run(one, { limits: { wallMS: 1 } as never })).rejects.toThrow('is "wallMs" meant?');
      });

      const leaksLaw = deviations[LIFE.leaks];
      const title = leaksLaw === undefined ? LIFE.leaks : `deviates (${leaksLaw.reason}): ${LIFE.leaks}`;
      test.skipIf(leaksLaw !== undefined || possessions() === undefined)(title, { timeout: 120_000 }, async () => {
        const cycle = async (): Promise<void> => {
          const short = create({ concurrency: 2 });
          await Promise.all([short.run(one, patient), short.run(loop, brief), short.run(one, patient)]);
          await short.run(one, patient);
          await short.close();
        };
        await sandbox.close();
        await cycle(); // threads of Node's own start here
        const before = possessions();
        await cycle();
        await cycle();
        await vi.waitFor(() => expect(possessions()).toEqual(before), { timeout: 30_000 });
        sandbox = create();
      });
    });
  });
}

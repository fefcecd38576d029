import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { describeSandbox } from "../testing/describe-sandbox.ts";
import { hasPython } from "../testing/has-python.ts";
import { fails, patient, returns } from "../testing/law.ts";
import { python } from "./python.ts";

if (hasPython) describeSandbox(python);
else test.skip("the laws of a sandbox, for there is no python3 on Linux here", () => {});

test("without an interpreter every run is refused", async () => {
  const sandbox = python({ command: "no-such-interpreter" });
  fails("UNAVAILABLE")(await sandbox.run("result = 1"));
  fails("UNAVAILABLE")(await sandbox.run("result = 1"));
});

test("the maths kit is refused, for there is none", async () => {
  await expect(python().run("result = 1", { kit: true })).rejects.toMatchObject({ code: "CONFIG" });
});

/** An interpreter that finds no isolation, and says 42 when it is told to go. */
const UNISOLATED = `#!/bin/sh
case "$1" in -c) echo "$0"; exit;; -S) exit;; esac
read job
echo '{"type": "ready", "obstacle": "no seccomp"}' >&3
read go
[ "$go" = "go" ] && echo '{"type": "end", "phase": "run", "text": "v42"}' >&3
`;

test.skipIf(process.platform === "win32")("without isolation nothing runs, unless that is asked for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cambium-python-"));
  const command = join(folder, "unisolated");
  writeFileSync(command, UNISOLATED);
  chmodSync(command, 0o755);
  const outcome = await python({ command }).run("result = 1", patient);
  fails("UNAVAILABLE")(outcome);
  expect(outcome).toMatchObject({ failure: { message: "nothing isolates Python here: no seccomp" } });
  returns(42)(await python({ command, unsafeWithoutIsolation: true }).run("result = 1", patient));
  rmSync(folder, { recursive: true });
});

/** Processes that descend from a process and are no zombies, itself left out. */
function descendants(pid: number): readonly number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return []; // it is gone
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const SLEEPER = "import time\nprint('asleep', flush=True)\nwhile True: time.sleep(1)";

test.skipIf(!hasPython).each([
  ["as python() starts it", "[]"],
  ["without namespaces", '["python3"]'],
])("a program ends when its host is killed, %s", async (_, command) => {
  const jail = new URL("./jail.ts", import.meta.url).href;
  const host = `
    import { findJail, imprison } from ${JSON.stringify(jail)};
    const command = ${command};
    const { input, output, messages } = imprison(command.length > 0 ? { command } : await findJail("python3"));
    const job = { source: ${JSON.stringify(SLEEPER)}, input: null, functions: [], modules: ["time", "random"], seed: 0, clockMs: 0,
      memoryBytes: 2 ** 26, wallMs: 60_000, resultBytes: 1000 };
    messages.on("data", () => input.write("go\\n"));
    output.pipe(process.stdout);
    input.write(JSON.stringify(job) + "\\n");`;
  const flags = ["--conditions=@cambium/source", "--import", "tsx", "--input-type=module", "-e", host];
  const cwd = fileURLToPath(new URL("../../../..", import.meta.url));
  const child = spawn(process.execPath, flags, { cwd, stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const programs = descendants(child.pid!);
  expect(programs.filter(isAlive).length).toBeGreaterThan(0);
  child.kill("SIGKILL");
  await vi.waitFor(() => expect(programs.filter(isAlive)).toEqual([]), { timeout: 200_000 });
});

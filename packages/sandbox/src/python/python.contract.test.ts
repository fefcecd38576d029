import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
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

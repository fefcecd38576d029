import { expect, test } from "vitest";
import { runPackage } from "./run-package.ts";
import { describeHostile } from "./testing/describe-hostile.ts";
import { describeSandbox } from "./testing/describe-sandbox.ts";
import { fails, returns } from "./testing/law.ts";

const frozen = "its built-in prototypes are frozen, and assigning to them says nothing";
const idle = "it sees no difference between a program that computes and one that waits";

describeSandbox(runPackage, {
  deviations: {
    "a custom toString is used": { reason: frozen, instead: returns("[object Object]") },
    "a built-in prototype can be extended and changed": { reason: frozen, instead: fails("GUEST_ERROR") },
    "a thenable that never settles ends as an error, at once": { reason: idle, instead: fails("GUEST_TIMEOUT") },
    "a promise that nothing settles ends as an error, at once": { reason: idle, instead: fails("GUEST_TIMEOUT") },
    "waiting for a host function is not running time": { reason: idle, instead: fails("GUEST_TIMEOUT") },
    "an error tells its part and line": {
      reason: "where the TypeScript compiler is installed, it rewrites the program and moves its lines",
      instead(outcome) {
        fails("GUEST_ERROR")(outcome);
        expect(outcome).toMatchObject({ failure: { message: "RangeError: odd" } });
      },
    },
    "no thread, process or file is left when it is closed": {
      reason: "its workers belong to the process, and one is kept",
    },
  },
});

test("a loop of pure computing ends long before a long limit", { timeout: 120_000 }, async () => {
  const sandbox = runPackage({ limits: { wallMs: 60_000 } });
  const outcome = await sandbox.run("for (;;);");
  fails("GUEST_TIMEOUT")(outcome);
  expect(outcome.usage.wallMs).toBeLessThan(60_000); // its own bound on the work of a program came first
});

// Starting a worker counts as running time here, and a program that only waits uses all of it.
describeHostile(runPackage, { count: 60, wallMs: 1000 });

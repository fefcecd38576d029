import { expect, test } from "vitest";
import { describeHostile } from "./conformance/describe-hostile.fixture.ts";
import { describeSandbox } from "./conformance/describe-sandbox.fixture.ts";
import { fails, returns } from "./conformance/law.fixture.ts";
import { runPackage } from "./run-package.ts";

const frozen = "its built-in prototypes are frozen, and assigning to them says nothing";
const idle = "it sees no difference between a program that computes and one that waits";

describeSandbox(runPackage, {
  deviations: {
    "a toString of one's own is used": { reason: frozen, instead: returns("[object Object]") },
    "a built-in prototype can be extended and changed": { reason: frozen, instead: fails("guest_error") },
    "a thenable that never settles ends as an error, at once": { reason: idle, instead: fails("guest_timeout") },
    "a promise that nothing settles ends as an error, at once": { reason: idle, instead: fails("guest_timeout") },
    "waiting for a host function is not running time": { reason: idle, instead: fails("guest_timeout") },
    "an error tells its part and line": {
      reason: "where the TypeScript compiler is installed, it rewrites the program and moves its lines",
      instead(outcome) {
        fails("guest_error")(outcome);
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
  fails("guest_timeout")(outcome);
  expect(outcome.usage.wallMs).toBeLessThan(60_000); // its own bound on the work of a program came first
});

// Starting a worker counts as running time here, and a program that only waits uses all of it.
describeHostile(runPackage, { count: 60, wallMs: 1000 });

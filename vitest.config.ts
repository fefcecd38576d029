import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Tests read the sources of every package, so that no build is needed before them. */
const conditions = ["@cambium/source", "module", "node", "import", "default"];
const source = { resolve: { conditions }, ssr: { resolve: { conditions } } };
/** Ends what hangs. No test is meant to come near it, on a slow machine or a busy one either. Milliseconds. */
const timeouts = { testTimeout: 300_000, hookTimeout: 300_000 };
/** Vitest leaves a core free, which on two of them is half of the machine. */
const maxWorkers = "100%";
const setupFiles = ["packages/testing/src/setup.ts"];

/** Files that take longest. Each is one process's work, so that one that starts last keeps the other core waiting. */
const LONG = [
  "snippets",
  "packed",
  "tune-mail",
  "apet-study",
  "finetune",
  "serve",
  "golden.contract",
  "python.contract",
  "architectures.contract",
];

/** The long files first, the others as Vitest orders them. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      LONG.some((name) => moduleId.endsWith(`/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      {
        ...source,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts", "apps/studies/*/src/**/*.test.ts"],
          exclude: ["**/*.contract.test.ts"],
          setupFiles,
          ...timeouts,
          maxWorkers,
        },
      },
      {
        ...source,
        test: {
          name: "contract",
          include: ["packages/*/src/**/*.contract.test.ts"],
          benchmark: { include: [] },
          setupFiles,
          ...timeouts,
          maxWorkers,
        },
      },
      {
        ...source,
        test: {
          name: "types",
          include: [],
          benchmark: { include: [] },
          typecheck: {
            enabled: true,
            only: true,
            include: ["packages/*/src/**/*.test-d.ts"],
            ignoreSourceErrors: true, // those are the type check's
            tsconfig: "./tsconfig.types.json", // what these files import, and no more
          },
        },
      },
      {
        ...source,
        // Long runs and subprocesses, two at a time, after everything else. No two share folders or ports, and none measures
        // time: memory and counts are those of the processes that a test starts.
        test: {
          name: "system",
          include: ["tests/src/**/*.test.ts"],
          benchmark: { include: [] },
          globalSetup: "tests/src/children/build.ts",
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

import { defineConfig } from "vitest/config";

/** Tests read the sources of every package, so that no build is needed before them. */
const source = {
  resolve: { conditions: ["@cambium/source", "module", "node", "import", "default"] },
  ssr: { resolve: { conditions: ["@cambium/source", "module", "node", "import", "default"] } },
};

export default defineConfig({
  test: {
    projects: [
      {
        ...source,
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts"],
          exclude: ["**/*.contract.test.ts"],
          setupFiles: ["packages/testing/src/setup.ts"],
          testTimeout: 20_000,
        },
      },
      {
        ...source,
        test: {
          name: "contract",
          include: ["packages/*/src/**/*.contract.test.ts"],
          setupFiles: ["packages/testing/src/setup.ts"],
          testTimeout: 60_000,
        },
      },
      {
        ...source,
        test: {
          name: "types",
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ["packages/*/src/**/*.test-d.ts"],
            tsconfig: "./tsconfig.check.json",
          },
        },
      },
      {
        ...source,
        test: {
          name: "system",
          include: ["tests/src/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

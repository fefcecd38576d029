/** `pnpm conformance`: tfjs-core's own test suite against a backend. */
import { parseArgs } from "node:util";
import { BACKEND_NAMES, type BackendName, specFiles } from "./bundle.ts";
import { runSuite, type SuiteReport } from "./run.ts";

const HELP = `usage: pnpm conformance [options]

Runs the test suite that tfjs-core's package ships against a backend, and prints what fails and why.

  --backend NAME  ${BACKEND_NAMES.join(", ")} (default onnx)
  --files REGEXP  only spec files whose path matches, such as ops/concat
  --filter REGEXP only specifications whose full name matches
  --json          one JSON object instead of text
`;

const { values } = parseArgs({
  options: {
    backend: { type: "string", default: "onnx" },
    files: { type: "string", default: "" },
    filter: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function print(report: SuiteReport): void {
  for (const { file, failures } of report.files) {
    if (failures.length === 0) continue;
    console.log(`${file}: ${failures.length} failed`);
    for (const { name, reasons } of failures) {
      console.log(`  ${name}`);
      for (const reason of reasons) console.log(`    ${reason.replaceAll("\n", "\n    ")}`);
    }
  }
  for (const error of report.errors) console.log(`outside of specifications: ${error}`);
  const { backend, passed, failed, skipped, durationMs } = report;
  console.log(`${backend}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${Math.round(durationMs / 1000)} s`);
}

if (values.help) console.log(HELP);
else if (!BACKEND_NAMES.includes(values.backend as BackendName)) {
  console.error(`conformance: no backend ${values.backend}; there are ${BACKEND_NAMES.join(", ")}`);
  process.exitCode = 2;
} else {
  const files = specFiles().filter((file) => new RegExp(values.files).test(file));
  const name = values.filter === undefined ? undefined : new RegExp(values.filter);
  const log = console.log;
  for (const method of ["log", "info", "warn", "error", "debug", "trace"] as const) console[method] = () => {};
  const report = await runSuite(values.backend as BackendName, { files, name });
  console.log = log;
  if (values.json) console.log(JSON.stringify(report));
  else print(report);
  process.exitCode = report.failed + report.errors.length > 0 ? 1 : 0;
}

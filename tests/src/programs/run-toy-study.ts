// Runs a toy study and prints what happens. usage: node run-toy-study.js <folder> <JSON of options>
import { defineStudy, type RunStudyOptions, runStudy } from "@cambium/experiments";

const [folder, options] = process.argv.slice(2);
const study = defineStudy({
  name: "toy",
  run: { module: new URL("./study-runs.js", import.meta.url).href, name: "noted", version: "1" },
  factors: { method: ["a", "b"], seed: Array.from({ length: 20 }, (_, seed) => seed) },
  metrics: { accuracy: {} },
  tuning: {
    factor: "rate",
    values: [0.01, 0.1, 1, 10],
    per: ["method"],
    at: { seed: [100, 101] },
    from: 10,
    to: 40,
    eta: 2,
    metric: "accuracy",
    goal: "max",
  },
  claims: [
    { claim: "a beats b", metric: "accuracy", where: { method: "a" }, minus: { method: "b" }, atLeast: 0.1 },
    { claim: "b is bad", metric: "accuracy", where: { method: "b" }, atMost: 0.1, interval: "bootstrap" },
  ],
});
export default study;

if (folder !== undefined) {
  const settings: RunStudyOptions = { folder, workers: 2, attempts: 1000, ...JSON.parse(options ?? "{}") };
  for await (const event of runStudy(study, settings)) {
    if (event.type === "finish" || event.type === "begin" || event.type === "end") {
      console.log(`${event.type} ${"key" in event ? event.key : `${event.done} of ${event.total}`}`);
    }
  }
}

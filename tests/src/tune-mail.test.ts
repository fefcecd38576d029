/** The example that tunes on mail, as a subprocess. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/workspace.mjs";
import { fromSources } from "./children.ts";

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the program; `child` can be sent signals while `outcome` is awaited. */
function tuneMail(...args: string[]) {
  const command = [...fromSources, "apps/tune-mail/src/main.ts", ...args];
  const child = spawn(process.execPath, command, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  }
  const outcome = new Promise<Outcome>((resolve) => child.on("close", (code) => resolve({ code, ...texts })));
  return { child, outcome };
}

/** Starts the program and sends it a signal as soon as something is so. */
async function signalWhen(isSo: () => boolean, signal: NodeJS.Signals, ...args: string[]): Promise<Outcome> {
  const { child, outcome } = tuneMail(...args);
  while (!isSo() && child.exitCode === null) await setTimeout(20);
  child.kill(signal);
  return outcome;
}

const folder = mkdtempSync(join(tmpdir(), "cambium-tune-mail-"));
afterAll(() => rmSync(folder, { recursive: true }));

const once = join(folder, "once");
const stopped = join(folder, "stopped");
const filesIn = (path: string) => (existsSync(path) ? readdirSync(path, { recursive: true, encoding: "utf8" }) : []);
/** How much has been written about steps of training. */
const logged = (out: string): number =>
  filesIn(out)
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => statSync(join(out, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0);
const adapterOf = (out: string) => readFileSync(join(out, "adapter", "adapter_model.safetensors"));

describe("a quick run", () => {
  let run: Outcome;
  beforeAll(async () => {
    run = await tuneMail("--quick", "--seed", "3", "--out", once).outcome;
  });

  test("ends well and says nothing on the error output", () => {
    expect(run).toMatchObject({ code: 0, stderr: "" });
  });

  test.for(["bag of words", "frozen body", "LoRA", "full fine-tuning"])("prints the row of %s", (name) => {
    const row = run.stdout.split("\n").find((line) => new RegExp(`^${name}(  +[\\d.,–]+){5}$`).test(line));
    expect(row, run.stdout).toBeDefined();
  });

  test("prints that the reloaded adapter predicts the same", () => {
    expect(run.stdout).toMatch(/128 of 128 predictions equal in a fresh process, largest difference \S+ nats/);
  });

  test("leaves an adapter that PEFT reads, a report, and nothing else", () => {
    expect(readdirSync(once).sort()).toEqual(["adapter", "report.html"]);
    expect(JSON.parse(readFileSync(join(once, "adapter", "adapter_config.json"), "utf8"))).toMatchObject({
      peft_type: "LORA",
      r: 8,
      target_modules: ["query", "value"],
      modules_to_save: expect.arrayContaining(["classifier"]),
    });
    expect(adapterOf(once).length).toBeGreaterThan(1000);
  });

  test("the report has the table, the curves, the settings and the environment, and opens offline", () => {
    const page = readFileSync(join(once, "report.html"), "utf8");
    for (const text of [
      "bag of words",
      "full fine-tuning",
      "Training loss",
      "lora.rank",
      "versions.@tensorflow/tfjs-core",
    ]) {
      expect(page).toContain(text);
    }
    expect(page.match(/<svg/g)!.length).toBeGreaterThanOrEqual(4);
    expect(page.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:\/\//);
  });
});

describe("a run that is stopped by Ctrl-C, and killed when it resumes", () => {
  const args = ["--quick", "--seed", "3", "--out", stopped];
  let first: Outcome;
  beforeAll(async () => {
    const isInLora = (): boolean => filesIn(stopped).some((name) => name.endsWith("lora.jsonl"));
    first = await signalWhen(isInLora, "SIGINT", ...args);
  });

  test("ends with code 130 and says how to go on", () => {
    expect(first, first.stderr).toMatchObject({ code: 130, stderr: "" });
    expect(first.stdout).toContain(`go on with: pnpm tune-mail --quick --seed 3 --out ${stopped}`);
    expect(existsSync(join(stopped, "adapter"))).toBe(false);
  });

  test("leaves no process behind, and goes on with the same command, to the bytes of a run that was never stopped", async () => {
    // The outcome is known when the last process that writes to its output has ended.
    const before = logged(stopped);
    expect(await signalWhen(() => logged(stopped) > before, "SIGKILL", ...args)).toMatchObject({ code: null });
    const { code, stdout, stderr } = await tuneMail(...args).outcome;
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("going on with the unfinished run");
    expect(stdout).not.toContain("messages to train"); // finished parts are not done again
    expect(adapterOf(stopped).equals(adapterOf(once))).toBe(true);
  });
});

describe("wrong use and bad input", () => {
  test("--help explains every option and exits with 0", async () => {
    const { code, stdout } = await tuneMail("--help").outcome;
    expect(code).toBe(0);
    expect(stdout).toContain("--few-shot");
  });

  test("an unknown option is one line and exit code 2", async () => {
    const { code, stdout, stderr } = await tuneMail("--sede", "3").outcome;
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: "",
      stderr: "tune-mail: Unknown option '--sede'; --help lists the options\n",
    });
  });

  test("a folder that cannot be written is one line and exit code 1", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const { code, stderr } = await tuneMail("--out", join(file, "below")).outcome;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tune-mail: cannot write to "[^"]+" \(ENOTDIR.*\); choose another folder with --out\n$/);
  });

  test("a model folder without a model is one line that names it, and exit code 1", async () => {
    const { code, stderr } = await tuneMail("--quick", "--model", folder, "--out", join(folder, "no-model")).outcome;
    expect(code).toBe(1);
    expect(stderr).toBe(
      `tune-mail: no config.json in "${folder}"; --model takes a folder from Hugging Face, with config.json, model.safetensors and tokenizer.json\n`,
    );
  });
});

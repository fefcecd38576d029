import { runInNewContext } from "node:vm";
import { disposeParameters, random } from "@cambium/core";
import { modelLayout } from "@cambium/models";
import { tinyModel } from "@cambium/models/testing";
import { expect, test } from "vitest";
import { describeTargets } from "../describe.ts";
import { lora } from "../methods/lora.ts";
import { targetPage } from "./target-page.ts";

const config = {
  model_type: "bert",
  vocab_size: 30,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 32,
};
const layout = modelLayout(config, { head: { kind: "sequence-classification", labels: ["a", "b"] } });

interface Box {
  readonly dataset: Readonly<Record<string, string>>;
  checked: boolean;
  indeterminate?: boolean;
  onchange?: () => void;
}

/** Runs the page's program on boxes of the page. */
function open(html: string) {
  const made = (name: "path" | "role"): Box[] =>
    [...html.matchAll(new RegExp(`data-${name}="([^"]*)"`, "g"))].map(([, value]) => ({
      dataset: { [name]: value! },
      checked: false,
    }));
  const [paths, roles] = [made("path"), made("role")];
  const elements = { rank: { value: "4" } as { value: string; oninput?: () => void }, picked: { textContent: "" } };
  const document = {
    querySelectorAll: (selector: string) => (selector === "[data-path]" ? paths : roles),
    getElementById: (id: "rank" | "picked") => elements[id],
  };
  runInNewContext(/<script>([\s\S]*)<\/script>/.exec(html)![1]!, { document });
  const pick = (boxes: Box[], value: string, checked = true): void => {
    const box = boxes.find(({ dataset }) => Object.values(dataset).includes(value))!;
    box.checked = checked;
    box.onchange!();
  };
  return { paths, roles, elements, pick };
}

test("what is picked on the page are targets that lora takes, and its count is what lora trains", () => {
  const page = open(targetPage(layout));
  expect(page.elements.picked.textContent).toBe("nothing is picked");
  page.pick(page.roles, "attn.q");
  page.pick(page.paths, "encoder.layer.1.output.dense");
  page.pick(page.roles, "embed");
  const [line, count] = page.elements.picked.textContent.split("\n") as [string, string];
  const targets = JSON.parse(line.replace("targets: ", "")) as string[];
  expect(targets).toEqual(["embed", "attn.q", "encoder.layer.1.output.dense"]);
  const { trained } = describeTargets(layout, lora, { targets, rank: 4 }, random(1));
  expect(count).toBe(`${trained.toLocaleString("en")} scalars`);
  expect(page.roles.find(({ dataset }) => dataset["role"] === "ff.down")!.indeterminate).toBe(true);
  page.pick(page.roles, "attn.q", false);
  expect(page.elements.picked.textContent).not.toMatch("attn.q");
});

test("names from a config cannot become part of the page's code", () => {
  const html = targetPage(layout, "</title><script>alert(1)</script>");
  expect(html).not.toContain("<script>alert");
  expect(html.match(/<script>/g)).toHaveLength(1);
});

test.each(["gpt2", "llama", "t5"])("every box of %s is a target that lora takes", (type) => {
  const model = tinyModel({ type });
  const page = open(targetPage(model));
  const targets = page.paths.map(({ dataset }) => dataset["path"]!);
  const { rows } = describeTargets(model, lora, { targets, rank: 2 }, random(1));
  expect(rows.length).toBe(targets.length);
  disposeParameters(model.parameters);
});

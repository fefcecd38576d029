import type { Problem, TransferSet } from "@cambium/tool-learning";
import { algebraFamilies } from "./algebra-families.ts";
import { countingMathFamilies } from "./chance-families.ts";
import { countingFamilies } from "./counting-families.ts";
import { createDraw } from "./draw.ts";
import type { Drawn, Family, MathFamily } from "./family.ts";
import { moneyFamilies } from "./money-families.ts";
import { numberFamilies } from "./number-families.ts";
import { orderFamilies } from "./order-families.ts";
import { spaceFamilies } from "./space-families.ts";
import { timeFamilies } from "./time-families.ts";

/** Twelve kinds of word problems, each with three scenarios for one tool. */
export const creationFamilies: readonly Family[] = [
  ...countingFamilies,
  ...moneyFamilies,
  ...timeFamilies,
  ...orderFamilies,
];

/** Seven branches of mathematics at five levels. */
export const mathFamilies: readonly MathFamily[] = [
  ...algebraFamilies,
  ...numberFamilies,
  ...countingMathFamilies,
  ...spaceFamilies,
];

/** Word problems of one draw, by family and scenario. */
function drawFamily({ name, hints, scenarios }: Family, seed: number, copy: number): readonly Problem[] {
  return scenarios.map((scenario, i): Problem => {
    const { question, answer } = scenario.draw(createDraw(seed, name, i, copy));
    return {
      id: `${name}-${copy + 1}${"abc"[i]}`,
      question,
      answer: String(answer),
      answerKind: "number",
      subject: name,
      hints,
    };
  });
}

/**
 * Word problems that ask for a tool, with hints for one: 12 kinds with 3 scenarios each, all numbers drawn fresh.
 *
 * @param seed - The same seed gives the same problems.
 * @param copies - Draws of each scenario. @default 1, which makes 36 problems
 */
export function createCreationProblems(seed: number, copies: number = 1): readonly Problem[] {
  return Array.from({ length: copies }, (_, copy) =>
    creationFamilies.flatMap((family) => drawFamily(family, seed, copy)),
  ).flat();
}

/** Sets of three word problems each that one tool serves: the problems of `createCreationProblems`, by family. */
export function createTransferSets(seed: number): readonly TransferSet[] {
  return creationFamilies.map((family) => ({
    id: family.name,
    intro: family.hints.utility,
    scenarios: drawFamily(family, seed, 0),
  }));
}

/**
 * Mathematical problems of seven branches at five levels, with integers and fractions as answers.
 *
 * @param seed - The same seed gives the same problems.
 * @param copies - Draws of each kind. @default 4, which makes 140 problems
 */
export function createMathProblems(seed: number, copies: number = 4): readonly Problem[] {
  const asked = new Set<string>();
  return Array.from({ length: copies }, (_, copy) =>
    mathFamilies.map(({ name, subject, level, scenarios }): Problem => {
      const draw = (attempt: number): Drawn => scenarios[0]!.draw(createDraw(seed, subject, level, copy, attempt));
      let drawn = draw(0);
      for (let attempt = 1; asked.has(drawn.question) && attempt < 50; attempt++) drawn = draw(attempt);
      asked.add(drawn.question);
      const id = `${subject}-${level}-${name}-${copy + 1}`;
      const { question, answer } = drawn;
      return { id, question, answer: String(answer), answerKind: "number", subject, level: String(level) };
    }),
  ).flat();
}

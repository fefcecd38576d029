/**
 * Problems made from a seed, and rules that solve them in a model's place: for tests, demonstrations, and to try a set-up
 * before it costs anything. What the rules get right is a figure about the plumbing, never about a model.
 *
 * @module
 */
export { createCreationProblems, createMathProblems, createTransferSets } from "./problems.ts";
export { type RulePolicyOptions, rulePolicy } from "./rule-policy.ts";

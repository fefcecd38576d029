import { expect } from "vitest";
import type { SandboxFailure, SandboxOptions, SandboxOutcome, SourcePart } from "../sandbox.ts";

/** A program, and what becomes of it on every adapter of its language. */
export interface Law {
  /** A sentence. */
  readonly law: string;
  readonly javascript?: Program;
  readonly python?: Program;
  readonly options?: SandboxOptions;
  readonly expects: Expectation;
}

export type Program = string | readonly SourcePart[];
/** Asserts how a program ended. */
export type Expectation = (outcome: SandboxOutcome) => void;

/** Ends with one of these codes. */
export const fails =
  (...codes: SandboxFailure["code"][]): Expectation =>
  (outcome) => {
    expect(outcome).toMatchObject({ ok: false });
    if (!outcome.ok) expect(codes).toContain(outcome.failure.code);
  };

/** Ends with this value. */
export const returns =
  (value: unknown): Expectation =>
  (outcome) => {
    const { ok, ...rest } = outcome;
    expect({ ok, value: "value" in rest ? rest.value : rest }).toEqual({ ok: true, value });
  };

/** Ends with this value, or with an error of the program: a sandbox may refuse what it need not offer. */
export const returnsOrThrows =
  (value: unknown): Expectation =>
  (outcome) =>
    outcome.ok ? returns(value)(outcome) : fails("GUEST_ERROR", "LOAD_FAILED")(outcome);

/** Enough for any program that should end by itself or by another limit, however busy the machine. */
export const patient: SandboxOptions = { limits: { wallMs: 60_000 } };

/** For programs that never end by themselves. */
export const brief: SandboxOptions = { limits: { wallMs: 100 } };

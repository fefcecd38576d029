/** The same numbers as rsatoolbox and SciPy, to 1e-6. */
import { expect, test } from "vitest";
import { compareRdms } from "./compare/compare-rdms.ts";
import { kendallWith, tauB } from "./compare/kendall.ts";
import type { Similarity } from "./compare/methods.ts";
import { tauTail } from "./compare/tau-test.ts";
import { fitWeightedModel } from "./compare/weighted-model.ts";
import { golden } from "./golden.fixture.ts";
import { fTail, normalTail, studentTail } from "./inference/distributions.ts";
import { measureNoiseCeiling } from "./inference/noise-ceiling.ts";
import { measureCrossnobis, measureRdm } from "./rdm/measure-rdm.ts";
import { shrunkPrecision } from "./rdm/precision.ts";
import { numberedConditions, type Rdm, rdmOf } from "./rdm/rdm.ts";

const close = { absolute: 1e-6, relative: 0 };
const tight = { absolute: 0, relative: 1e-10 };
const names = numberedConditions(golden.patterns.length);
const rdm = (values: readonly (number | null)[]): Rdm =>
  rdmOf(
    names,
    values.map((value) => value ?? Number.NaN),
  );
const subjects = golden.subjects.map(rdm);
const model = rdm(golden.model);
const precision = shrunkPrecision(golden.residuals, { target: "identity" });

test("distances: rsatoolbox's euclidean is the squared one for each channel", () => {
  const squared = measureRdm(golden.patterns, { metric: "squared-euclidean", perChannel: true });
  expect(squared.values).toBeAllClose(golden.rdms.euclidean, close);
  expect(measureRdm(golden.patterns).values).toBeAllClose(golden.rdms.correlation, close);
});

test("precisions: shrunk towards the identity, and towards the diagonal", () => {
  expect(precision.values).toBeAllClose(golden.identityPrecision.flat(), close);
  const diagonal = shrunkPrecision(golden.residuals);
  expect(diagonal.shrinkage).toBeAllClose(golden.diagonal.shrinkage, close);
  expect(diagonal.values).toBeAllClose(golden.diagonal.precision.flat(), close);
});

test("distances under a precision, of one and of several measurements", () => {
  const mahalanobis = measureRdm(golden.patterns, { metric: "mahalanobis", precision, perChannel: true });
  expect(mahalanobis.values).toBeAllClose(golden.rdms.mahalanobis, close);
  const crossnobis = measureCrossnobis(golden.folds, { precision, perChannel: true });
  expect(crossnobis.values).toBeAllClose(golden.rdms.crossnobis, close);
});

test.each(Object.keys(golden.comparisons) as Similarity[])("%s of RDMs with ties", (method) => {
  expect(subjects.map((subject) => compareRdms(subject, model, { method }))).toBeAllClose(
    golden.comparisons[method]!,
    close,
  );
});

test.each(Object.keys(golden.withGaps) as Similarity[])("%s where a pair is unknown", (method) => {
  expect(compareRdms(rdm(golden.gaps[0]!), model, { method })).toBeAllClose(golden.withGaps[method]!, close);
});

test.each(Object.keys(golden.ceilings) as Similarity[])("the noise ceiling of %s", (method) => {
  const { lower, upper } = measureNoiseCeiling(subjects, { method });
  expect([lower, upper]).toBeAllClose(golden.ceilings[method]!, close);
});

test.each(["both", "second"] as const)("partial Spearman out of %s", (outOf) => {
  const given = subjects.slice(1, 3);
  expect(compareRdms(subjects[0]!, model, { given, outOf })).toBeAllClose(golden.partial[outOf], close);
});

test("weights from 0", () => {
  const data = { ...model, values: model.values.map((value, i) => value - 3 * golden.subjects[3]![i]!) };
  expect(fitWeightedModel(data, subjects.slice(1)).weights).toBeAllClose(golden.nnls, close);
});

test("the parametric test of tau-b", () => {
  const counts = kendallWith(subjects[0]!.values)(model.values);
  expect(tauB(counts)).toBeAllClose(golden.tauTest.tau, close);
  expect(tauTail(subjects[0]!.values, model.values)).toBeAllClose(golden.tauTest.p, { absolute: 0, relative: 1e-6 });
});

test("tails of distributions, to the last digits", () => {
  const { normal, student, f } = golden.tails;
  expect(normal.map(([z]) => normalTail(z))).toBeAllClose(
    normal.map(([, p]) => p),
    tight,
  );
  expect(student.map(([t, degrees]) => studentTail(t, degrees))).toBeAllClose(
    student.map(([, , p]) => p),
    tight,
  );
  expect(f.map(([value, above, below]) => fTail(value, above, below))).toBeAllClose(
    f.map(([, , , p]) => p),
    tight,
  );
});

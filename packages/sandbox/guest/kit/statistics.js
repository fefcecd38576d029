// Statistics of lists of numbers. Sums are exact, so that the mean of 0.1, 0.2 and 0.3 is 0.2; results are numbers.
globalThis.statistics = (() => {
  const { rational } = globalThis;

  function checked(values, least) {
    if (!Array.isArray(values) || values.length < least)
      throw new RangeError(`statistics: expected an array of at least ${least} number(s)`);
    return values.map((value) => rational(value));
  }

  const total = (values) => values.reduce((sum, value) => sum.add(value), rational(0));
  const average = (values) => total(values).divide(values.length);

  /** Σ (x − mean of x)(y − mean of y). */
  function moment(xs, ys) {
    const [meanX, meanY] = [average(xs), average(ys)];
    return total(xs.map((x, i) => x.subtract(meanX).multiply(ys[i].subtract(meanY))));
  }

  function paired(xs, ys) {
    const pair = [checked(xs, 2), checked(ys, 2)];
    if (xs.length !== ys.length)
      throw new RangeError(`statistics: lists of ${xs.length} and ${ys.length} values differ`);
    return pair;
  }

  const sorted = (values) => [...values].sort((a, b) => a.compare(b));

  const squares = (values) => moment(values, values);
  const populationVariance = (values) => squares(checked(values, 1)).divide(values.length).toNumber();
  const sampleVariance = (values) =>
    squares(checked(values, 2))
      .divide(values.length - 1)
      .toNumber();

  /** The value below which a share of `fraction` lies, on the line between neighbours. */
  function quantile(values, fraction) {
    const inOrder = sorted(checked(values, 1));
    const share = rational(fraction);
    if (share.compare(0) < 0 || share.compare(1) > 0)
      throw new RangeError(`statistics: a fraction from 0 to 1 is needed, got ${fraction}`);
    const position = share.multiply(inOrder.length - 1);
    const below = Number(position.floor().numerator);
    const [low, high] = [inOrder[below], inOrder[Math.min(below + 1, inOrder.length - 1)]];
    return low.add(position.subtract(below).multiply(high.subtract(low))).toNumber();
  }

  return {
    sum: (values) => total(checked(values, 0)).toNumber(),
    mean: (values) => average(checked(values, 1)).toNumber(),
    median: (values) => quantile(values, "1/2"),
    quantile,
    /** The most frequent values, ascending. */
    modes(values) {
      const counts = new Map();
      for (const value of checked(values, 1)) counts.set(`${value}`, (counts.get(`${value}`) ?? 0) + 1);
      const most = Math.max(...counts.values());
      const frequent = [...counts].filter(([, times]) => times === most).map(([value]) => rational(value));
      return sorted(frequent).map((value) => value.toNumber());
    },
    /** Largest minus smallest. */
    range(values) {
      const inOrder = sorted(checked(values, 1));
      return inOrder[inOrder.length - 1].subtract(inOrder[0]).toNumber();
    },
    populationVariance,
    sampleVariance,
    populationDeviation: (values) => Math.sqrt(populationVariance(values)),
    sampleDeviation: (values) => Math.sqrt(sampleVariance(values)),
    sampleCovariance(xs, ys) {
      const [a, b] = paired(xs, ys);
      return moment(a, b)
        .divide(a.length - 1)
        .toNumber();
    },
    /** Pearson's correlation. */
    correlation(xs, ys) {
      const [a, b] = paired(xs, ys);
      return moment(a, b).toNumber() / Math.sqrt(squares(a).multiply(squares(b)).toNumber());
    },
    /** { slope, intercept } of the line of least squares. */
    regression(xs, ys) {
      const [a, b] = paired(xs, ys);
      const slope = moment(a, b).divide(squares(a));
      return {
        slope: slope.toNumber(),
        intercept: average(b)
          .subtract(slope.multiply(average(a)))
          .toNumber(),
      };
    },
  };
})();

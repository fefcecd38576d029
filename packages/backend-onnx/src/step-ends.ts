/**
 * Where the steps of a program end that reads nothing for a long time: there, what is pending is made.
 *
 * A cut by size alone would fall at another place of each step, so that no graph would be met twice. So the names of the
 * kernels are watched until they repeat: the last kernels equal those before them, one period back. A period is then cut
 * where the fewest tensors wait to be made, which is where a step ends and has let go of what it needed in between, and from
 * then on wherever the same kernels have come by. Within a gradient nothing is cut: every activation would become an output.
 * And where a gradient is pending, only a period that holds one is a step: an optimiser repeats itself for each weight.
 */

/** Kernels that are pending at least when they are made: a run costs as much as tracing a few dozen. */
const FEWEST = 256;

/** Kernels after which a repetition is looked for, first and from then on by half as many again. */
const FIRST_SEARCH = 2 * FEWEST;

/** A repetition has this length at least, and two periods: equal layers in a row are no steps. */
const REPEATED = 384;

/** Kernels that are made wherever that is allowed, for programs that never repeat: beyond, compiling grows faster than graphs. */
const MOST = 8192;

/** Periods that are remembered: loops of training and of validation take turns. */
const REMEMBERED = 8;

/** Kernels of a known period that come in a row before it is trusted: a short one may come by in any program. */
const TRUSTED = 128;

/** A kernel that is called. */
export interface Call {
  readonly kernel: number;
  /** Tensors that wait to be made, before it. */
  readonly waiting: number;
  /** Whether they may be made before it. */
  readonly isAllowed: boolean;
  /** Whether it belongs to a gradient, forward or backward. */
  readonly isInGradient: boolean;
}

/** One period of kernels that ends where a step ends, found again in a stream by Knuth, Morris and Pratt's automaton. */
class Period {
  readonly length: number;
  readonly hasGradient: boolean;
  private readonly kernels: Int32Array;
  /** For each count of matched kernels less one: how many of them also match when the next one does not. */
  private readonly shorter: Int32Array;
  private matched = 0;
  /** Kernels that followed the period, since it was whole for the first time. */
  private followed = 0;

  constructor(kernels: Int32Array, hasGradient: boolean) {
    this.kernels = kernels;
    this.hasGradient = hasGradient;
    this.length = kernels.length;
    this.shorter = new Int32Array(kernels.length);
    for (let i = 1, matched = 0; i < kernels.length; i++) {
      while (matched > 0 && kernels[i] !== kernels[matched]) matched = this.shorter[matched - 1]!;
      if (kernels[i] === kernels[matched]) matched++;
      this.shorter[i] = matched;
    }
  }

  /** Whether the program has kept to the period so far. */
  get isKept(): boolean {
    return this.followed > 0;
  }

  /** Whether it has for long enough, and one period ended just now. */
  get ends(): boolean {
    return this.followed >= Math.max(this.length, TRUSTED) && this.followed % this.length === 0;
  }

  follow(kernel: number): void {
    const { kernels, shorter, length } = this;
    if (this.followed > 0) this.followed = kernels[this.followed % length] === kernel ? this.followed + 1 : 0;
    if (this.matched === length) this.matched = shorter[length - 1]!;
    while (this.matched > 0 && kernels[this.matched] !== kernel) this.matched = shorter[this.matched - 1]!;
    if (kernels[this.matched] === kernel) this.matched++;
    if (this.matched === length && this.followed === 0) this.followed = length;
  }
}

/** The length of the shortest repetition that a list ends with, among those of at least `shortest`. */
function periodOf(kernels: Int32Array, shortest: number): number | undefined {
  const count = kernels.length;
  for (let period = shortest; 2 * period <= count; period++) {
    const needed = Math.max(period, REPEATED - period);
    let equal = 0;
    while (
      equal < needed &&
      equal < count - period &&
      kernels[count - 1 - equal] === kernels[count - 1 - equal - period]
    )
      equal++;
    if (equal >= needed) return period;
  }
  return undefined;
}

const NOWHERE = Number.NEGATIVE_INFINITY;

/** Watches the kernels of a program for the ends of its steps. */
export class StepEnds {
  /** Kernels since everything pending was made last, and what held at each of them. */
  private readonly kernels = new Int32Array(MOST);
  private readonly waiting = new Int32Array(MOST);
  private readonly allowed = new Uint8Array(MOST);
  private count = 0;
  /** The place of the last kernel of a gradient, and the count of kernels when a step ended that had one. */
  private lastGradient = NOWHERE;
  private lastGradientEnd = NOWHERE;
  private nextSearch = FIRST_SEARCH;
  private periods: readonly Period[] = [];
  /** Count of kernels when a known period ended last. */
  private lastEnd = NOWHERE;

  /** Everything pending has been made. */
  restart(): void {
    this.count = 0;
    this.nextSearch = FIRST_SEARCH;
    this.lastEnd = NOWHERE;
    this.lastGradient = NOWHERE;
    this.lastGradientEnd = NOWHERE;
  }

  /** Whether what is pending is to be made before the next kernel. */
  isDue(isAllowed: boolean): boolean {
    if (!isAllowed || this.count < FEWEST) return false;
    const steps = this.periods.filter((period) => this.isStep(period));
    return steps.some(({ ends }) => ends) || (this.count >= MOST && !steps.some(({ isKept }) => isKept));
  }

  /** Takes note of a kernel. */
  follow({ kernel, waiting, isAllowed, isInGradient }: Call): void {
    if (isInGradient) this.lastGradient = this.count;
    if (this.count < MOST) {
      this.kernels[this.count] = kernel;
      this.waiting[this.count] = waiting;
      this.allowed[this.count] = isAllowed ? 1 : 0;
      this.count++;
    }
    for (const period of this.periods) {
      period.follow(kernel);
      if (!period.ends || !this.isStep(period)) continue;
      this.lastEnd = this.count;
      if (period.hasGradient) this.lastGradientEnd = this.count;
    }
    if (this.count !== this.nextSearch) return;
    this.nextSearch = this.count === MOST ? Number.POSITIVE_INFINITY : Math.min(MOST, this.count + (this.count >> 1));
    this.search();
  }

  /** Whether a period may be a step of what is pending. */
  private isStep(period: Period): boolean {
    return period.hasGradient || !this.isInStepWithGradient;
  }

  /** Whether a gradient is pending, and what belongs to its step may still come. */
  private get isInStepWithGradient(): boolean {
    return this.lastGradient !== NOWHERE && this.lastGradientEnd <= this.lastGradient;
  }

  private search(): void {
    if (this.periods.some(({ length }) => this.count - this.lastEnd <= 2 * length)) return;
    const shortest = this.isInStepWithGradient ? this.count - this.lastGradient : 1;
    const length = periodOf(this.kernels.subarray(0, this.count), shortest);
    const end = length === undefined ? undefined : this.endOf(length);
    if (length === undefined || end === undefined) return;
    const period = new Period(this.kernels.slice(end - length, end), this.lastGradient >= this.count - length);
    for (const kernel of this.kernels.subarray(end - length, this.count)) period.follow(kernel);
    this.periods = [...this.periods, period].slice(-REMEMBERED);
  }

  /** The place in the last period before which the fewest tensors wait, what grows from period to period taken off. */
  private endOf(length: number): number | undefined {
    const last = this.count - 1;
    const growth = (this.waiting[last]! - this.waiting[last - length]!) / length;
    let [end, fewest]: [number | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
    for (let i = this.count - length; i < this.count; i++) {
      const waiting = this.waiting[i]! - growth * i;
      if (this.allowed[i] !== 1 || waiting >= fewest) continue;
      [end, fewest] = [i, waiting];
    }
    return end;
  }
}

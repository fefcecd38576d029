import type { DataId, Tensor, TensorInfo, Variable } from "@tensorflow/tfjs-core";
import type { Value } from "./graph.ts";
import { sameContent } from "./numbers.ts";

/** A variable as it was when a function was traced that may have read it. */
export class Captured {
  private readonly variable: Variable;
  private readonly host: { valueBehind(info: TensorInfo): Value | undefined; materialise(value: Value): unknown };
  private dataId: DataId;
  private value: Value | undefined;

  constructor(variable: Variable, host: Captured["host"]) {
    this.variable = variable;
    this.host = host;
    this.dataId = variable.dataId;
  }

  get name(): string {
    return this.variable.name;
  }

  /** Whether it is other data since. */
  wasAssigned(): boolean {
    return !this.variable.isDisposed && this.variable.dataId !== this.dataId;
  }

  /** Whether its data is among these; its elements are remembered then. */
  isAmong(read: ReadonlySet<DataId>): boolean {
    if (!read.has(this.dataId)) return false;
    this.value = this.current();
    if (this.value !== undefined) this.value.own = false;
    return true;
  }

  /** What happened to it since, in words; nothing while it has the same elements. */
  change(): string | undefined {
    if (this.variable.isDisposed) return "was disposed of";
    if (!this.wasAssigned()) return undefined;
    const [before, now] = [this.value, this.current()];
    if (before === undefined || now === undefined || !sameContent(before, now)) return "was assigned";
    this.dataId = this.variable.dataId;
    return undefined;
  }

  private current(): Value | undefined {
    const value = this.host.valueBehind(this.variable as Tensor);
    if (value !== undefined) this.host.materialise(value);
    return value;
  }
}

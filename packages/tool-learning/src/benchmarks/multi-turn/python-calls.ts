/** Calls as Python writes them: `mv(source='a.txt', destination='b')`. Literals only; nothing is evaluated. */
import { FormatError, type Json } from "@cambium/base";
import { excerptOf } from "../../tools/hostile.ts";

/** A call with its arguments in order and by name. */
export interface PythonCall {
  readonly name: string;
  readonly positional: readonly Json[];
  readonly named: Readonly<Record<string, Json>>;
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "\n": "",
};

class Reader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  private fail(): never {
    throw new FormatError({
      message: `readPythonCall: "${excerptOf(this.text, 100)}" cannot be read at character ${this.at}`,
      at: this.at,
    });
  }

  private take(expression: RegExp): string | undefined {
    const sticky = new RegExp(expression.source, "y");
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private skip(): void {
    this.take(/\s*/);
  }

  private has(mark: string): boolean {
    this.skip();
    if (!this.text.startsWith(mark, this.at)) return false;
    this.at += mark.length;
    return true;
  }

  private need(mark: string): void {
    if (!this.has(mark)) this.fail();
  }

  private list<T>(end: string, read: () => T): T[] {
    const items: T[] = [];
    while (!this.has(end)) {
      items.push(read());
      if (!this.has(",")) {
        this.need(end);
        break;
      }
    }
    return items;
  }

  private string(quote: string): string {
    let out = "";
    for (;;) {
      const char = this.text[this.at++];
      if (char === undefined) return this.fail();
      if (char === quote) return out;
      if (char !== "\\") out += char;
      else {
        const next = this.text[this.at++] ?? this.fail();
        out += ESCAPES[next] ?? `\\${next}`;
      }
    }
  }

  value(): Json {
    this.skip();
    const quote = this.take(/['"]/);
    if (quote !== undefined) return this.string(quote);
    if (this.has("[")) return this.list("]", () => this.value());
    if (this.has("(")) return this.list(")", () => this.value());
    if (this.has("{")) {
      const pairs = this.list("}", (): [string, Json] => {
        const key = this.value();
        this.need(":");
        return [String(key), this.value()];
      });
      return Object.fromEntries(pairs);
    }
    const number = this.take(/[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/);
    if (number !== undefined) return Number(number);
    const word = this.take(/True|False|None/);
    if (word === undefined) return this.fail();
    return word === "None" ? null : word === "True";
  }

  call(): PythonCall {
    this.skip();
    const name = this.take(/[A-Za-z_][\w.]*/) ?? this.fail();
    this.need("(");
    const positional: Json[] = [];
    const named: Record<string, Json> = {};
    this.list(")", () => {
      this.skip();
      const key = this.take(/[A-Za-z_]\w*(?=\s*=)/);
      if (key === undefined) positional.push(this.value());
      else {
        this.need("=");
        named[key] = this.value();
      }
    });
    this.skip();
    if (this.at < this.text.length) this.fail();
    return { name, positional, named };
  }
}

/** Reads a call. @throws {FormatError} When it is none, or has anything but literals. */
export const readPythonCall = (text: string): PythonCall => new Reader(text).call();

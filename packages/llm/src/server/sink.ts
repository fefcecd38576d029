import type { ServerResponse } from "node:http";
import type { Clock } from "../calls/clock.ts";
import type { Fault } from "./fault.ts";

/** Where an answer is written to. */
export interface Sink {
  head(status: number, contentType: string, headers?: Readonly<Record<string, string>>): void;
  write(text: string): Promise<void>;
  end(): Promise<void>;
}

/** An answer as it should be. */
function plainSink(response: ServerResponse): Sink {
  return {
    head: (status, contentType, headers = {}) => {
      response.writeHead(status, { "content-type": contentType, ...headers });
    },
    write: (text) =>
      new Promise((resolve) => {
        if (response.destroyed) resolve();
        else response.write(text, () => resolve());
      }),
    end: () =>
      new Promise((resolve) => {
        if (response.destroyed) resolve();
        else response.end(() => resolve());
      }),
  };
}

const FLOOD = " ".repeat(65_536);

/** An answer with a fault in it. */
function faultySink(response: ServerResponse, fault: Fault, clock: Clock): Sink {
  const plain = plainSink(response);
  switch (fault.type) {
    case "slow":
      return { ...plain, write: (text) => clock.wait(fault.ms).then(() => plain.write(text)) };
    case "content-type":
      return { ...plain, head: (status, _, headers) => plain.head(status, fault.value, headers) };
    case "flood": {
      let left = fault.bytes;
      const flood = async (): Promise<void> => {
        for (; left > 0 && !response.destroyed; left -= FLOOD.length) await plain.write(FLOOD.slice(0, left));
      };
      return { ...plain, write: (text) => flood().then(() => plain.write(text)) };
    }
    case "truncate": {
      let left = fault.bytes;
      return {
        ...plain,
        async write(text) {
          const bytes = Buffer.from(text).subarray(0, left);
          left -= bytes.length;
          if (bytes.length > 0) await new Promise<void>((resolve) => response.write(bytes, () => resolve()));
          if (left > 0) return;
          if (fault.how === "reset") response.destroy();
          else await plain.end();
        },
      };
    }
    default:
      return plain;
  }
}

/** The sink of a response, faulty where a fault is planned. */
export function createSink(response: ServerResponse, fault: Fault | undefined, clock: Clock): Sink {
  return fault === undefined ? plainSink(response) : faultySink(response, fault, clock);
}

/** One text on its way to the reader, and what it took. */
import type { Generated, GenerateEvent } from "@cambium/models";
import type { Io } from "../io.ts";
import { utf8Decoder } from "../utf8.ts";

/** What a text took. */
export interface Stats {
  readonly promptTokens: number;
  /** Of these, what an earlier text's reading served for. */
  readonly keptTokens: number;
  readonly tokens: number;
  /** Until the first token. Seconds. */
  readonly firstSeconds: number;
  /** Tokens a second behind the first; absent where there is only one. */
  readonly tokensPerSecond?: number;
  /** The process's memory now, and the most it had. Bytes. */
  readonly memoryBytes: number;
  readonly peakMemoryBytes: number;
}

/** A text, and what it took. */
export interface Written {
  readonly generated: Generated;
  readonly stats: Stats;
}

/**
 * Follows a text to its end.
 *
 * @param show - Gets each piece as it comes.
 */
async function writeText(run: AsyncIterable<GenerateEvent>, show: (text: string) => void): Promise<Written> {
  const start = performance.now();
  let first: number | undefined;
  let generated: Generated | undefined;
  for await (const event of run) {
    first ??= performance.now();
    if (event.text !== "") show(event.text);
    if (event.type === "end") ({ generated } = event);
  }
  const end = performance.now();
  const { prompt, cached, generated: tokens } = generated!.usage;
  const seconds = (end - first!) / 1000;
  return {
    generated: generated!,
    stats: {
      promptTokens: prompt,
      keptTokens: cached,
      tokens,
      firstSeconds: (first! - start) / 1000,
      ...(tokens > 1 && seconds > 0 && { tokensPerSecond: (tokens - 1) / seconds }),
      memoryBytes: process.memoryUsage.rss(),
      peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
    },
  };
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

/** What a text took, for the reader. */
function statsLine({ stats }: Written): string {
  const { promptTokens, keptTokens, tokens, firstSeconds, tokensPerSecond, memoryBytes, peakMemoryBytes } = stats;
  const kept = keptTokens === 0 ? "" : `, ${keptTokens} of them read before`;
  const speed = tokensPerSecond === undefined ? "" : `, then ${tokensPerSecond.toFixed(1)} a second`;
  return `${tokens} tokens behind ${promptTokens}${kept}: the first after ${firstSeconds.toFixed(2)} s${speed}; memory ${mebibytes(memoryBytes)}, at most ${mebibytes(peakMemoryBytes)}`;
}

/** A text for machines. */
const writtenJson = ({ generated, stats }: Written, withStats: boolean): string =>
  JSON.stringify({
    text: generated.text,
    finish: generated.finish,
    usage: generated.usage,
    ...(withStats && { stats }),
  });

/** Follows a text to its end and shows it: as it comes, or as a JSON line. */
export async function showText(
  io: Io,
  run: AsyncIterable<GenerateEvent>,
  flags: { readonly json?: true; readonly stats?: true },
): Promise<Written> {
  const written = await writeText(run, (text) => {
    if (flags.json !== true) io.write(text);
  });
  if (flags.json === true) io.out(writtenJson(written, flags.stats === true));
  else io.write("\n");
  if (flags.stats === true && flags.json !== true) io.error(statsLine(written));
  return written;
}

/**
 * All that is piped in.
 *
 * @throws {UseError} When it is not UTF-8.
 */
export async function readInput({ input }: Io, verb: string): Promise<string> {
  const decode = utf8Decoder(verb, "standard input");
  let text = "";
  for await (const chunk of input) text += typeof chunk === "string" ? chunk : decode(chunk);
  return text + decode();
}

import { FormatError, StateError } from "@cambium/base";
import { type Records, recordsOf } from "./record.ts";

/** The hyparquet library, which those install who read such files. */
async function library(): Promise<typeof import("hyparquet")> {
  try {
    return await import("hyparquet");
  } catch (cause) {
    throw new StateError({
      message: "readTable: Parquet files need the package hyparquet; install it: npm install hyparquet",
      cause,
    });
  }
}

/**
 * A Parquet file, without compression or with Snappy's; rows are counted from 1.
 *
 * @throws {FormatError} When it is none, or is compressed otherwise.
 * @throws {StateError} When hyparquet is not installed.
 */
export async function parseParquet(source: string, bytes: Uint8Array): Promise<Records> {
  const { parquetReadObjects } = await library();
  const file = bytes.slice().buffer; // its own, from the first byte on
  try {
    const objects = await parquetReadObjects({ file });
    return recordsOf(
      source,
      objects.map((value, i) => ({ row: i + 1, value })),
    );
  } catch (cause) {
    throw new FormatError({
      message: `readTable: ${source} cannot be read as Parquet: ${(cause as Error).message}`,
      cause,
    });
  }
}

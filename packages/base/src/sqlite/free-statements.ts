import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Collections after which a file that is still open is somebody else's. */
const ROUNDS = 5;

/**
 * Frees the statements of closed connections. libsql has no call for it: a statement is freed when its JavaScript object is
 * collected, and until then SQLite keeps the closed connection's files open, and `-wal` and `-shm` on the disk.
 *
 * Collects garbage, some milliseconds each time, until nothing is left to free.
 *
 * @param isOpen - Whether a sign of an open connection is there, if it leaves one.
 */
export async function freeStatements(isOpen: () => boolean): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const hasSign = isOpen();
  for (let round = 0; round < ROUNDS; round++) {
    collect();
    await setTimeout(1); // Node runs what frees them after the collection, on a turn of its loop
    if ((hasSign || round > 0) && !isOpen()) return;
  }
}

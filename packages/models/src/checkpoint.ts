import type { BlockMatrix, BlockRoom, Safetensors } from "@cambium/core";

/** What weights are read from. */
export interface Checkpoint extends Safetensors {
  /** Types of blocks that `blocks` reads, as `entries` name them; absent where files have none. */
  readonly blockTypes?: readonly string[];
  /** A matrix as the file's blocks hold it, for an entry whose `blocks` is one of `blockTypes`: nothing is rounded. It lies in `room`. */
  blocks?(name: string, room: BlockRoom): Promise<BlockMatrix>;
}

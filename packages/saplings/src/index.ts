/**
 * Small pretrained language models that ship inside an npm package, so that everything runs offline.
 *
 * They have vocabularies of 8,000 pieces and are grown by this repository's own recipes on freely licensed text. Each folder's model card
 * says what the data, the licences, the losses and the held-out measures are.
 *
 * @module
 */
export { type SaplingInfo, type SaplingName, type SaplingVersion, saplings } from "./catalog.ts";
export { type SaplingOptions, sapling } from "./sapling.ts";

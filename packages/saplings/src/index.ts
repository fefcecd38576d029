/**
 * Small pretrained language models that ship inside an npm package, so that everything runs offline.
 *
 * They are lower-cased BERT encoders with a vocabulary of 8,000 pieces, grown by this repository's own recipe on freely
 * licensed text. Each folder's model card tells the data, the licences, the losses and the held-out perplexity.
 *
 * @module
 */
export { type SaplingInfo, type SaplingName, saplings } from "./catalog.ts";
export { type SaplingOptions, sapling } from "./sapling.ts";

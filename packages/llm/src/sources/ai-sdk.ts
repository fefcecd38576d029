/** A language model of the AI SDK: `LanguageModelV3` of `ai` 6 or `LanguageModelV4` of `ai` 7. */
export interface AiSdkModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  // biome-ignore lint/suspicious/noExplicitAny: two versions of one interface, told apart at run time
  doGenerate(options: any): PromiseLike<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  doStream(options: any): PromiseLike<any>;
}

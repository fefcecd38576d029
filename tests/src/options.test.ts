/**
 * Every function with options refuses those that do not exist. The tables below name every function that the packages export:
 * one that is missing here fails, so that none forgets.
 */
import * as base from "@cambium/base";
import * as sqlite from "@cambium/base/sqlite";
import * as connectivity from "@cambium/connectivity";
import * as core from "@cambium/core";
import * as delta from "@cambium/delta";
import * as probing from "@cambium/emotion-probing";
import * as fpt from "@cambium/fast-prompt-tuning";
import * as models from "@cambium/models";
import * as recycling from "@cambium/recycling";
import * as report from "@cambium/report";
import * as subspace from "@cambium/subspace";
import * as tasks from "@cambium/tasks";
import * as train from "@cambium/train";
import { sum, type Tensor, tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";

/** Calls a function with options of which one does not exist. */
type Call = (unknown: never) => unknown;

interface Exports {
  readonly module: object;
  /** Functions with options. */
  readonly options: Readonly<Record<string, Call>>;
  /** Functions without. */
  readonly plain: string;
}

const random = core.random(1);
const files = base.memory();
const sizes = { hidden_size: 4, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 6 };
const config = { model_type: "bert", ...sizes, vocab_size: 11 };
const axis = { label: "x" };
const rdm = probing.rdmOf(["a", "b", "c"], [1, 2, 3]);
const scores: probing.NeuronScores = { method: "a", sites: [], values: new Map() };
const neurons: probing.ConditionActivations = { conditions: [], sites: [], values: new Map() };
const light: probing.Searchlight = { method: "spearman", permutations: 1, exact: false, lights: [], attributes: [] };
const tree: core.Parameters = new Map();
const bowl: core.Objective<number> = { parameters: tree, loss: () => core.crossEntropy(tensor, tensor) };
const noRows: train.Batches<number> = { describe: () => ({}), async *epoch() {} };
const optimiser = train.sgd({ learningRate: 1 });
const rows: train.Batches<object> = {
  describe: () => ({}),
  async *epoch() {
    yield { batch: {}, rows: 1, isLast: true };
  },
};
const plane = { origin: [0], across: [1], marks: new Map(), x: [0, 1], y: [0, 1] } as unknown as subspace.SubspacePlane;
let valley: core.Objective<object>;
let space: subspace.Subspace;
const noBatches = train.batches<number, models.TokenBatch>([1], () => batch, { size: 1 });
let model: models.LanguageModel;
let tokenizer: models.Tokenizer;
let batch: models.TokenBatch;
let tensor: Tensor;
beforeAll(async () => {
  await core.useBackend("cpu");
  model = models.createModel(config, random, { head: { kind: "sequence-classification", labels: ["a", "b"] } });
  const vocab = { "[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4 };
  const none = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  tokenizer = models.createTokenizer({
    model: { type: "WordPiece", vocab, unk_token: "[UNK]" },
    added_tokens: [],
    ...none,
  });
  batch = { ids: tensor2d([[2, 3]], [1, 2], "int32"), mask: tensor2d([[1, 1]]) };
  tensor = tensor2d([[1, 2]]);
  const start = new Map([["w", tensor]]);
  valley = { parameters: new Map([["w", tensor2d([[3, 4]])]]), loss: (at) => sum(at.get("w")!) };
  space = await base.result(
    subspace.fitSubspace([{ task: "a", method: "lora", tuned: valley, start }], { dimension: 1 }),
  );
});

const packages: Readonly<Record<string, Exports>> = {
  base: {
    module: base,
    options: {
      hub: (unknown) => base.hub("org/name", unknown),
      remote: (unknown) => base.remote("https://example.org", unknown),
    },
    plain: `CambiumError CancelledError ConfigError FileError FormatError ShapeError StateError StoreError canonicalJson checkName checkOptions
      checkRange collectBytes directory fileSize folder hasFile isMissingFile memory nearest openFiles parseConfig readJson result
      sha256 yieldTurn`,
  },
  sqlite: {
    module: sqlite,
    options: {
      openDatabase: (unknown: object) =>
        sqlite.openDatabase(":memory:", { title: "notes", applicationId: 1, version: 1, schema: [], ...unknown }),
    },
    plain: "",
  },
  core: {
    module: core,
    options: {
      around: (unknown) =>
        core.around(
          "block",
          () => true,
          ({ input }) => input,
          unknown,
        ),
      compileDynamic: (unknown) => core.compileDynamic(() => ({}), {}, unknown),
      createScope: (unknown: object) =>
        core.createScope(new Map(), { hooks: [], training: false, random, sites: [], ...unknown }),
      crossEntropy: (unknown) => core.crossEntropy(tensor, tensor1d([0], "int32"), unknown),
      crossEntropyRows: (unknown) => core.crossEntropyRows(tensor, tensor1d([0], "int32"), unknown),
      gatherWeight: (unknown: object) =>
        core.gatherWeight("w", tensor as never, {
          layout: "out,in",
          along: "in",
          channels: Int32Array.of(0),
          ...unknown,
        }),
      measureQuantisation: (unknown) => core.measureQuantisation(model, batch, unknown),
      quantiseWeightInBlocks: (unknown: object) =>
        core.quantiseWeightInBlocks("w", [1, 2], [1, 2], { bits: 4, ...unknown }),
      saveSafetensors: (unknown) => core.saveSafetensors(files, "m.safetensors", new Map(), unknown),
      scaledDotProductAttention: (unknown) => core.scaledDotProductAttention(unknown),
    },
    plain: `adamStep applyLinear axpyParameters bitsOf BlockRoom blockWeight checkSameStructure cloneParameters compile cosineParameters
      countParameters decodeBfloat16 decodeHalf describeQuantised disposeParameters dotParameters dropout dropoutMask editWeight encodeBfloat16 encodeHalf fingerprint flattenParameters floatUnderHooks gelu
      hostValues isQuantised layerNorm linearCrossEntropy loadSafetensors lookUp mapParameters nameHook normParameters onWeight
      openCheckpoint openSafetensors openTorchFile overBudget quantisedNames quantiseWeight random randomOf remat rematBlocks rmsNorm rotateRows silu sizeOfShape
      startTensor startTensors unflattenParameters useBackend valueAndGradients zerosLikeParameters zipParameters`,
  },
  models: {
    module: models,
    options: {
      addTokens: (unknown) => models.addTokens(tokenizer, [], unknown),
      choose: (unknown) => models.choose(model, tokenizer, "a", ["b"], unknown),
      generate: (unknown) => models.generate(model, tokenizer, "a", unknown).next(),
      generateBatch: (unknown) => models.generateBatch(model, tokenizer, ["a"], unknown).next(),
      readPrefix: (unknown) => models.readPrefix(model, tokenizer, "a", unknown),
      capture: (unknown) => models.capture(model, batch, [], unknown),
      collate: (unknown: object) => models.collate(model, tokenizer, { maxLength: 8, ...unknown }),
      createCache: (unknown) => models.createCache(unknown),
      createModel: (unknown) => models.createModel(config, random, unknown),
      createTokenizer: (unknown) => models.createTokenizer({}, {}, unknown),
      embed: (unknown) => models.embed(model, tokenizer, [], unknown),
      inspectModel: (unknown) => models.inspectModel(files, unknown),
      loadModel: (unknown) => models.loadModel(files, unknown),
      loadTokenizer: (unknown) => models.loadTokenizer(files, unknown),
      modelLayout: (unknown) => models.modelLayout(config, unknown),
      predictor: (unknown) => models.predictor(model, tokenizer, unknown),
      scheduler: (unknown) => models.scheduler(model, tokenizer, unknown),
      saveGguf: (unknown) => models.saveGguf(model, files, unknown),
      saveGgufLora: (unknown) => models.saveGgufLora(model, files, { alpha: 1, layers: new Map() }, unknown),
      trainByteLevelBpe: (unknown: object) => models.trainByteLevelBpe([], { size: 300, ...unknown }),
      trainWordPiece: (unknown: object) => models.trainWordPiece([], { size: 300, ...unknown }),
      viewModel: (unknown: object) => models.viewModel(model, { without: [], ...unknown }),
      saveModel: (unknown) => models.saveModel(model, files, unknown),
      saveOnnx: (unknown: object) =>
        models.saveOnnx(model, files, { trace: () => ({ model: new Uint8Array(0) }), ...unknown }),
    },
    plain: `asArchitecture bareName causalHead checkLength checkWhole classifierDropout countLayout countPositions decoderBias
      decoderPositions drop embedWords fileName firstRow hasTaskModel joinHeads labelsOf lastRow lastTokenHeads meanRow norm
      outputNames outputsOf ownName paddingBias parseHeadConfig parseModelConfig poolOf pooledRow questionAnsweringHead replicateLayers replicationOf resizeEmbeddings
      rootMeanSquareNorm rowPositions scaleUnits splitHeads storedParameters tokenClassificationHead windowBias withHead wordRows`,
  },
  delta: {
    module: delta,
    options: {
      adaLora: (unknown: object) => delta.adaLora(model, { rank: 2, steps: 10, ...unknown } as never, random),
      adapter: (unknown: object) => delta.adapter(model, { bottleneck: 2, ...unknown }, random),
      adapterFusion: (unknown: object) =>
        delta.adapterFusion(model, { adapters: { a: { bottleneck: 2 } }, ...unknown }, random),
      combine: (unknown) => delta.combine([[delta.lora(model, { rank: 2 }, random), 1]], unknown),
      plan: (unknown: object) => delta.plan(model, { count: 10, ...unknown }),
      padLora: (unknown: object) => delta.padLora(delta.lora(model, { rank: 2 }, random), { rank: 2, ...unknown }),
      toLora: (unknown: object) => delta.toLora(model, delta.lora(model, { rank: 2 }, random), { rank: 2, ...unknown }),
      arbitrary: (unknown: object) => delta.arbitrary(model, { count: 2, ...unknown }, random),
      bitFit: (unknown) => delta.bitFit(model, unknown),
      boft: (unknown: object) => delta.boft(model, { blockSize: 2, ...unknown }),
      c3a: (unknown: object) => delta.c3a(model, { blockSize: 2, ...unknown }, random),
      fourierFt: (unknown: object) => delta.fourierFt(model, { count: 2, ...unknown }, random),
      hra: (unknown: object) => delta.hra(model, { rank: 2, ...unknown }, random),
      loHa: (unknown: object) => delta.loHa(model, { rank: 2, ...unknown }, random),
      loKr: (unknown: object) => delta.loKr(model, { rank: 2, ...unknown }, random),
      miss: (unknown: object) => delta.miss(model, { rank: 2, ...unknown }),
      norms: (unknown) => delta.norms(model, unknown),
      oft: (unknown: object) => delta.oft(model, { blockSize: 2, ...unknown }, random),
      pTuning: (unknown: object) => delta.pTuning(model, { length: 2, hidden: 2, ...unknown }, random),
      randLora: (unknown: object) => delta.randLora(model, { rank: 2, ...unknown }, random),
      road: (unknown: object) => delta.road(model, { groupSize: 2, ...unknown }),
      tokens: (unknown: object) => delta.tokens(model, { ids: [2], ...unknown }),
      vbLora: (unknown: object) => delta.vbLora(model, { rank: 2, vectors: 4, vectorLength: 2, ...unknown }, random),
      dora: (unknown: object) => delta.dora(model, { rank: 2, ...unknown }, random),
      head: (unknown) => (delta.head as (model: unknown, options: unknown) => unknown)(model, unknown),
      ia3: (unknown) => delta.ia3(model, unknown),
      loadAdapter: (unknown) => delta.loadAdapter(model, files, unknown),
      lora: (unknown: object) => delta.lora(model, { rank: 2, ...unknown }, random),
      prefix: (unknown: object) => delta.prefix(model, { length: 2, ...unknown }, random),
      prompt: (unknown: object) => delta.prompt(model, { length: 2, ...unknown }, random),
      selectArbitrary: (unknown: object) => delta.selectArbitrary(model, { count: 2, ...unknown }, random),
      selectBiases: (unknown) => delta.selectBiases(model, unknown),
      selectByFisher: (unknown: object) => delta.selectByFisher(model, [], { count: 2, ...unknown }),
      selectByGradient: (unknown: object) => delta.selectByGradient(model, [], { count: 2, ...unknown }),
      selectByMagnitude: (unknown: object) => delta.selectByMagnitude(model, { count: 2, ...unknown }),
      selectByScores: (unknown: object) => delta.selectByScores(model, new Map(), { count: 2, ...unknown }),
      selectNorms: (unknown) => delta.selectNorms(model, unknown),
      saveAdapter: (unknown) => delta.saveAdapter(delta.attach(model, delta.head(model)), files, unknown),
      saveGgufAdapter: (unknown) => delta.saveGgufAdapter(delta.attach(model, delta.head(model)), files, unknown),
      vera: (unknown: object) => delta.vera(model, { rank: 2, ...unknown }, random),
      whole: (unknown) => delta.whole(model, unknown),
    },
    plain: `activate adapterHead attach compareTrainables deactivate describeStatus describeTargets detach formatPlan formatStatus formatTargets
      formatTree hostOf merge method named perRow plannedOptions remove rename rowsOf scaled seedlessMethod stack suggestTraining swap targetPage unmerge
      usualTraining`,
  },
  train: {
    module: train,
    options: {
      adafactor: (unknown) => train.adafactor(unknown),
      adam: (unknown: object) => train.adam({ learningRate: 1, ...unknown }),
      adamW: (unknown: object) => train.adamW({ learningRate: 1, ...unknown }),
      addDecayedWeights: (unknown) => train.addDecayedWeights(0.1, unknown),
      batches: (unknown: object) => train.batches([1], (rows) => rows, { size: 1, ...unknown }),
      constant: (unknown) => train.constant(1, unknown),
      cosine: (unknown: object) => train.cosine(1, { steps: 3, ...unknown }),
      f1: (unknown) => train.f1([1], [1], unknown),
      linear: (unknown: object) => train.linear(1, { steps: 3, ...unknown }),
      momentum: (unknown) => train.momentum(0.9, unknown),
      ndcg: (unknown) => train.ndcg([1], [1], unknown),
      scaleByAdam: (unknown) => train.scaleByAdam(unknown),
      scaleByLearningRate: (unknown) => train.scaleByLearningRate(1, unknown),
      sgd: (unknown: object) => train.sgd({ learningRate: 1, ...unknown }),
      train: (unknown: object) => {
        const data = train.batches([1], (rows) => rows, { size: 1 });
        const objective = { parameters: new Map(), loss: () => core.crossEntropy(tensor, tensor) };
        const run = train.train(objective, data, {
          optimiser: train.sgd({ learningRate: 1 }),
          epochs: 1,
          ...unknown,
        });
        return run.next();
      },
    },
    plain: `accuracy chain clipByGlobalNorm clipGradients evaluate isDecayed matthews pearson perParameter perplexity predict
      relativeStep sequence spearman`,
  },
  tasks: {
    module: tasks,
    options: {
      defineTask: (unknown: object) => tasks.defineTask({ name: "a", ...unknown }),
      dropDuplicates: (unknown) => tasks.dropDuplicates({}, unknown),
      dropKnown: (unknown) => tasks.dropKnown([], [], unknown),
      fitBagOfWords: (unknown) => tasks.fitBagOfWords([], [], unknown),
      fewShot: (unknown: object) => tasks.fewShot([], { perClass: 1, random, ...unknown }),
      findDuplicates: (unknown) => tasks.findDuplicates([], unknown),
      measureClassification: (unknown) => tasks.measureClassification(["a"], ["a"], unknown),
      readTable: (unknown) => tasks.readTable([], unknown),
      split: (unknown: object) => tasks.split([], { parts: { all: "rest" }, random, ...unknown }),
    },
    plain: "classWeights measureNumbers measureTexts normaliseText weightClasses",
  },
  connectivity: {
    module: connectivity,
    options: {
      align: (unknown) => connectivity.align(model, model, unknown),
      bezier: (unknown) => connectivity.bezier(tree, tree, unknown),
      clusterBasins: (unknown: object) => connectivity.clusterBasins([[0]], { most: 1, ...unknown }),
      blendObjective: (unknown) => connectivity.blendObjective(bowl, tree, tree, unknown),
      createDirections: (unknown) => connectivity.createDirections(tree, random, unknown),
      createEvaluator: (unknown) => connectivity.createEvaluator(bowl, noRows, unknown),
      curveObjective: (unknown) => connectivity.curveObjective(bowl, connectivity.bezier(tree, tree), unknown),
      judgeBarrier: (unknown: object) =>
        connectivity.judgeBarrier(connectivity.summariseCurve([0, 1], [1, 1]), { chanceLoss: 1, ...unknown }),
      measureBarrier: (unknown) => connectivity.measureBarrier(bowl, connectivity.line(tree, tree), noRows, unknown),
      measureHessian: (unknown) => connectivity.measureHessian(bowl, noRows, unknown),
      measureSharpness: (unknown) => connectivity.measureSharpness(bowl, noRows, random, unknown),
      mergeByRegMean: (unknown) => connectivity.mergeByRegMean([tree], [tree], unknown),
      mergePoints: (unknown) => connectivity.mergePoints([tree], unknown),
      mergeTuned: (unknown) => connectivity.mergeTuned([delta.attach(model, delta.head(model))], unknown),
      plotLandscape: (unknown) => connectivity.plotLandscape({ xs: [0, 1], ys: [0], losses: [[1, 2]] }, unknown),
      plotPath: (unknown) => connectivity.plotPath({ line: { ts: [0], losses: [1] } }, unknown),
      polychain: (unknown) => connectivity.polychain(tree, tree, unknown),
      runAutoNeb: (unknown: object) =>
        connectivity
          .runAutoNeb(bowl, tree, tree, noRows, { optimiser: train.sgd({ learningRate: 1 }), ...unknown })
          .next(),
      runBarriers: (unknown) => connectivity.runBarriers(bowl, [tree, tree], noRows, unknown).next(),
      runLandscape: (unknown) =>
        connectivity.runLandscape(bowl, { origin: tree, across: tree }, noRows, unknown).next(),
      runPath: (unknown) => connectivity.runPath(bowl, connectivity.line(tree, tree), noRows, unknown).next(),
      runSoup: (unknown) => connectivity.runSoup(bowl, [tree], noRows, unknown).next(),
      savePath: (unknown) =>
        connectivity.savePath(delta.attach(model, delta.head(model)), connectivity.line(tree, tree), files, unknown),
      savePoint: (unknown) => connectivity.savePoint(delta.attach(model, delta.head(model)), files, unknown),
      trainBlend: (unknown: object) =>
        connectivity
          .trainBlend(bowl, tree, tree, noRows, { optimiser: train.sgd({ learningRate: 1 }), steps: 1, ...unknown })
          .next(),
      trainCurve: (unknown: object) =>
        connectivity
          .trainCurve(bowl, connectivity.bezier(tree, tree), noRows, {
            optimiser: train.sgd({ learningRate: 1 }),
            steps: 1,
            ...unknown,
          })
          .next(),
    },
    plain: `artefactId attributeBarrier captureGrams createCartographer describeBackbone eigenOfSymmetric estimateFisher line loadArtefact loadPath
      loadPoint measureAnswers measureDistance measureInterference measureKnowledge mergeByFisher permuteUnits plane projectPoint
      readMergekit saveArtefact sphere summariseCurve symmetriesOf trajectoryPlane treeOf withBends`,
  },
  subspace: {
    module: subspace,
    options: {
      denseProjection: (unknown) => subspace.denseProjection(new Map(), unknown, random),
      fastfoodProjection: (unknown) => subspace.fastfoodProjection(new Map(), unknown, random),
      fitShared: (unknown: object) => subspace.fitShared({}, { data: {}, optimiser, steps: 1, ...unknown }).next(),
      fitSubspace: (unknown) => subspace.fitSubspace([], unknown).next(),
      meanSolution: (unknown) => subspace.meanSolution([], "lora", unknown),
      measureOutliers: (unknown: object) => subspace.measureOutliers(tree, tree, async () => 1, { random, ...unknown }),
      measureD90: (unknown) => subspace.measureD90(async () => 1, unknown),
      optimiseInSubspace: (unknown: object) =>
        subspace.optimiseInSubspace(space, "lora", valley, rows, { optimiser, steps: 1, ...unknown }).next(),
      pcaSubspace: (unknown) => subspace.pcaSubspace([], unknown),
      randomSubspace: (unknown) => subspace.randomSubspace([], unknown, random),
      runSubspaceLandscape: (unknown) => subspace.runSubspaceLandscape(space, plane, {}, rows, unknown).next(),
      subspaceObjective: (unknown) => subspace.subspaceObjective(valley, space.projection("lora"), unknown),
      trainInSubspace: (unknown: object) =>
        subspace.trainInSubspace(valley, space.projection("lora"), rows, { optimiser, steps: 1, ...unknown }).next(),
      trajectoryProjection: (unknown) => subspace.trajectoryProjection([], unknown),
    },
    plain: "hadamardTransform loadSubspace measureOverlap relativePerformance saveSubspace subspacePlane transfer",
  },
  recycling: {
    module: recycling,
    options: {
      attentionSimilarity: (unknown) => recycling.attentionSimilarity(model, model, noBatches, unknown),
      checkCompatibility: (unknown) => recycling.checkCompatibility(delta.attach(model), model, unknown),
      chooseScale: (unknown) => recycling.chooseScale(delta.attach(model), model, noBatches, unknown),
      cka: (unknown) => recycling.cka(model, model, noBatches, unknown),
      compatibilityReport: (unknown) => recycling.compatibilityReport(delta.attach(model), [], noBatches, unknown),
      describeDelta: (unknown: object) =>
        recycling.describeDelta(files, "a", delta.attach(model), { task: "a", ...unknown }),
      fitProjection: (unknown) => recycling.fitProjection([], unknown),
      openDelta: (unknown) => recycling.openDelta(files, "a", model, unknown),
      pathRegulariser: (unknown) => recycling.pathRegulariser(delta.attach(model), delta.attach(model), unknown),
      plotCka: (unknown) => recycling.plotCka({ sites: [["a"], ["b"]], matrix: [[1]], rows: 4 }, unknown),
      plotConvergence: (unknown) => recycling.plotConvergence([], "a", unknown),
      plotDecay: (unknown) => recycling.plotDecay({}, unknown),
      plotFlips: (unknown) => recycling.plotFlips(recycling.flipReport([1], [1], [1]), unknown),
      plotHeads: (unknown) => recycling.plotHeads({ same: [[1]] } as never, unknown),
      recycle: (unknown: object) => recycling.recycle(delta.attach(model), model, { method: "initialise", ...unknown }),
      recycleAll: (unknown: object) => recycling.recycleAll([], { budget: 0, optimiser, ...unknown }).next(),
      registerDelta: (unknown: object) =>
        recycling.registerDelta(base.memory(), "a", delta.attach(model), { task: "a", ...unknown }),
      runRecycling: (unknown: object) =>
        recycling
          .runRecycling(delta.attach(model), model, noBatches, {
            method: "initialise",
            optimiser,
            steps: 1,
            ...unknown,
          })
          .next(),
      saveLineage: (unknown: object) =>
        recycling.saveLineage(files, { model: "a", parent: null, corpus: "", steps: 0, ...unknown }),
      trainProjection: (unknown: object) =>
        recycling.trainProjection([], model, { optimiser, steps: 1, random, ...unknown }).next(),
      truncateDifference: (unknown) => recycling.truncateDifference(delta.attach(model, delta.whole(model)), unknown),
      updateRobust: (unknown) => recycling.updateRobust(delta.attach(model), unknown),
    },
    plain: `convergenceReport debiasedCka divergenceRows fingerprintModel flipReport linearCka listDeltas listRecyclable
      loadLineage measureAgreement pathBetween relationTable`,
  },
  "emotion-probing": {
    module: probing,
    options: {
      attributeUnits: (unknown) =>
        probing.attributeUnits(model, batch, () => core.crossEntropy(tensor, tensor), unknown),
      averageConditions: (unknown) => probing.averageConditions([], new Map(), [], unknown),
      bootstrapSimilarity: (unknown: object) => probing.bootstrapSimilarity([rdm], [rdm], { random, ...unknown }),
      collectActivations: (unknown) => probing.collectActivations(model, tokenizer, ["a"], unknown),
      collectWindows: (unknown) => probing.collectWindows(model, tokenizer, ["a"], unknown),
      compareRdms: (unknown) => probing.compareRdms(rdm, rdm, unknown),
      crossValidateWeightedModel: (unknown: object) =>
        probing.crossValidateWeightedModel([rdm], [rdm], { random, ...unknown }),
      dipTest: (unknown: object) => probing.dipTest([1, 2, 3, 4], { random, ...unknown }),
      exposeActivations: (unknown) => probing.exposeActivations(new Uint8Array(), unknown),
      fitWeightedModel: (unknown) => probing.fitWeightedModel(rdm, [rdm], unknown),
      intervene: (unknown) => probing.intervene(model, [], unknown),
      intraclassCorrelation: (unknown: object) => probing.intraclassCorrelation([[1]], { kind: "1,1", ...unknown }),
      mapConditions: (unknown) => probing.mapConditions(rdm, unknown),
      measureCorrespondence: (unknown: object) => probing.measureCorrespondence({}, {}, { random, ...unknown }),
      measureCrossnobis: (unknown) => probing.measureCrossnobis([], unknown),
      measureLevels: (unknown) => probing.measureLevels([], new Map(), unknown),
      measurePatchGrid: (unknown) =>
        probing.measurePatchGrid(model, batch, batch, () => core.crossEntropy(tensor, tensor), unknown),
      measureProbes: (unknown: object) => probing.measureProbes([], new Map(), [], { random, ...unknown }),
      measureNoiseCeiling: (unknown) => probing.measureNoiseCeiling([rdm], unknown),
      measureRdm: (unknown) => probing.measureRdm([], unknown),
      measureSplitHalf: (unknown: object) => probing.measureSplitHalf([rdm], { random, ...unknown }),
      plotDendrogram: (unknown) => probing.plotDendrogram(rdm, unknown),
      plotGroups: (unknown: object) =>
        probing.plotGroups([[1]], { groups: ["a"], series: ["b"], label: "c", ...unknown }),
      plotGrid: (unknown: object) => probing.plotGrid([[1]], { rows: ["a"], columns: ["b"], ...unknown }),
      plotLayers: (unknown: object) => probing.plotLayers({ a: [] }, { layers: 1, ...unknown }),
      plotMap: (unknown) => probing.plotMap(probing.mapConditions(rdm), unknown),
      plotModels: (unknown) => probing.plotModels([], unknown),
      plotRdm: (unknown) => probing.plotRdm(rdm, unknown),
      plotRidges: (unknown: object) => probing.plotRidges({ a: [1, 2] }, { label: "b", ...unknown }),
      plotScatter: (unknown: object) => probing.plotScatter([], { x: "a", y: "b", ...unknown }),
      plotSimilarity: (unknown) => probing.plotSimilarity({ similarity: rdm }, unknown),
      plotStaircase: (unknown) => probing.plotStaircase({}, unknown),
      plotStrip: (unknown: object) => probing.plotStrip({ a: [] }, { widths: [1], ...unknown }),
      rankByElasticNet: (unknown) => probing.rankByElasticNet([], new Map(), [], unknown),
      runAblation: (unknown: object) => probing.runAblation(model, [], { sets: {}, random, ...unknown }).next(),
      runCapture: (unknown: object) => probing.runCapture(model, tokenizer, [], { to: files, ...unknown }).next(),
      runEmotionProbe: (unknown: object) =>
        probing.runEmotionProbe(model, tokenizer, { emotions: [], ...unknown }).next(),
      runSearchlight: (unknown: object) => probing.runSearchlight(neurons, {}, { random, ...unknown }).next(),
      scoreNeurons: (unknown: object) => probing.scoreNeurons([], new Map(), [], { method: "probeless", ...unknown }),
      scoresOf: (unknown) => probing.scoresOf(light, "a", unknown),
      selectSharedUnits: (unknown) => probing.selectSharedUnits([], unknown),
      selectUnits: (unknown: object) => probing.selectUnits(scores, { top: 1, ...unknown }),
      shrunkPrecision: (unknown) => probing.shrunkPrecision([], unknown),
      testMean: (unknown) => probing.testMean([1, 2], unknown),
      testMeans: (unknown) => probing.testMeans({ a: [1, 2] }, unknown),
      testSimilarity: (unknown: object) => probing.testSimilarity(rdm, [rdm], { random, ...unknown }),
      wordTask: (unknown: object) => probing.wordTask(model, tokenizer, "a", { rows: [], words: {}, ...unknown }),
    },
    plain: `adjustP alignPoints checkReferenceStudy combineUnits cooccurrenceRdm findSites groupRdm hashInterventions linearCka
      loadGoEmotions loadReferenceStudy meanRdm measureOverlap openActivations parseInterventions percentileRdm rankRdm ratingRdms
      rdmOf readEmoBank readRatings readSimilarities readVader repeatRdms reportProbe selectConditions similarityOf squareRdm wordIds withPositionOffset`,
  },
  "fast-prompt-tuning": {
    module: fpt,
    options: {
      flops: (unknown: object) => fpt.flops(model, { length: 2, ...unknown }),
      growDelta: (unknown) => fpt.growDelta(delta.attach(model), delta.attach(model), unknown),
      growWhenFlat: (unknown) => fpt.growWhenFlat(unknown),
      measureActivationOverlap: (unknown) => fpt.measureActivationOverlap([], noBatches, unknown),
      measureBlockInfluence: (unknown) => fpt.measureBlockInfluence(model, noBatches, unknown),
      partial: (unknown) => fpt.partial(delta.attach(model), unknown),
      partialModel: (unknown) => fpt.partialModel(model, unknown),
      planStages: (unknown: object) => fpt.planStages({ targetSaving: 0.1, costs: [0.2, 0.4, 0.6], ...unknown }),
      plotCurves: (unknown: object) => fpt.plotCurves([], { score: axis, ...unknown }),
      plotMatrix: (unknown: object) => fpt.plotMatrix(["a"], [[1]], { title: "a", ...unknown }),
      runFastPromptTuning: (unknown: object) =>
        fpt
          .runFastPromptTuning(delta.attach(model), noBatches, {
            steps: 1,
            optimiser: train.sgd({ learningRate: 1 }),
            ...unknown,
          })
          .next(),
      scoreNeurons: (unknown) => fpt.scoreNeurons(model, noBatches, unknown),
      selectLayers: (unknown) => fpt.selectLayers(1, 2, unknown),
    },
    plain: `checkScores comparePrompts judgeSimilarity loadNeuronScores measureFlops measureTransfer saveNeuronScores scheduleCost shortened
      stagesOf weightScores`,
  },
  report: {
    module: report,
    options: {
      figure: (unknown: object) => report.figure({}, { title: "a", ...unknown }),
      plotBars: (unknown: object) => report.plotBars({ title: "a", value: axis, rows: [], ...unknown }),
      plotLines: (unknown: object) => report.plotLines({ title: "a", x: axis, y: axis, series: [], ...unknown }),
      plotPoints: (unknown: object) => report.plotPoints({ title: "a", value: axis, rows: [], ...unknown }),
      report: (unknown: object) => report.report({ title: "a", sections: [], ...unknown }),
      table: (unknown: object) => report.table({ caption: "a", columns: [], rows: [], ...unknown }),
    },
    plain: "code fold seriesStyle settings textTable",
  },
};

describe.each(Object.entries(packages))("of %s", (_, { module, options, plain }) => {
  test("every function is in the table", () => {
    const functions = Object.entries(module).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
    const named = new Set([...Object.keys(options), ...plain.split(/\s+/)]);
    expect(functions.filter((name) => !named.has(name))).toEqual([]);
  });

  test.each(Object.entries(options))("%s refuses an option that does not exist", async (_name, call) => {
    const attempt = (async () => call({ zebra: 1 } as never))();
    await expect(attempt).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringMatching(/unknown (option|key) "zebra"/),
    });
  });
});

test("so do forward, loss, and what a tokenizer does", () => {
  const unknown = { zebra: 1 } as object;
  const labelled = { ...batch, labels: tensor1d([0], "int32") };
  expect(() => model.forward(batch, unknown)).toThrow('forward: unknown option "zebra"');
  expect(() => model.loss!(labelled, unknown)).toThrow('forward: unknown option "zebra"');
  expect(() => tokenizer.encode("a", undefined, unknown)).toThrow('encode: unknown option "zebra"');
  expect(() => tokenizer.decode([], unknown)).toThrow('decode: unknown option "zebra"');
  expect(() => tokenizer.decodeStream(unknown)).toThrow('decodeStream: unknown option "zebra"');
  expect(() => tokenizer.chat([], unknown)).toThrow('chat: unknown option "zebra"');
});

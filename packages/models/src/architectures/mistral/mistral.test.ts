import { disposeParameters } from "@cambium/core";
import { dispose, tensor2d } from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { fixture, fixtureJson } from "../../fixtures.ts";
import { describeGoldenDecoder } from "../../golden-decoder.fixture.ts";
import { loadModel } from "../../load.ts";
import { greedyIds } from "../../testing/greedy-ids.ts";

describeGoldenDecoder("mistral", ["window"]);

interface Golden {
  readonly window: { readonly greedy: Readonly<Record<"ids" | "mask" | "generated", readonly (readonly number[])[]>> };
}

test.each([true, false])(
  "words behind a row that is padded on its right see its last ones (cache: %s)",
  async (cache) => {
    const { ids, mask, generated } = fixtureJson<Golden>("mistral/golden.json").window.greedy;
    const turned = (rows: Golden["window"]["greedy"]["ids"]): number[][] =>
      rows.map((row, i) => {
        const padding = mask[i]!.filter((real) => real === 0).length;
        return [...row.slice(padding), ...row.slice(0, padding)];
      });
    const model = await loadModel(fixture("mistral/window"), { head: { kind: "causal-lm" } });
    const batch = { ids: tensor2d(turned(ids), undefined, "int32"), mask: tensor2d(turned(mask)) };
    expect(await greedyIds(model, batch, { maxTokens: 12, cache })).toEqual(generated);
    dispose(Object.values(batch));
    disposeParameters(model.parameters);
  },
);

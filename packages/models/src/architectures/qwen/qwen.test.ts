import { describeGoldenDecoder } from "../../golden-decoder.fixture.ts";

describeGoldenDecoder("qwen2", ["window"]);
describeGoldenDecoder("qwen3", ["norms"]);

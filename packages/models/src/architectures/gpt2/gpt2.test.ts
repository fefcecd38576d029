import { describeGoldenDecoder } from "../../golden-decoder.fixture.ts";

describeGoldenDecoder("gpt2", ["gelu-new", "gelu"]);

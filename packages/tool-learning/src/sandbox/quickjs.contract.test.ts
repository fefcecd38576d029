import { describeSandbox } from "./conformance/describe-sandbox.fixture.ts";
import { quickjs } from "./quickjs.ts";

describeSandbox(quickjs);

import { describeSandbox } from "./conformance/describe-sandbox.fixture.ts";
import { python } from "./python.ts";

describeSandbox(python);

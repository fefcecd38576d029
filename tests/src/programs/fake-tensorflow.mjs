/** Stands for tfjs-node: registers a backend of its name, which is the plain one. */
import "@tensorflow/tfjs-backend-cpu";
import { engine, registerBackend } from "@tensorflow/tfjs-core";

registerBackend("tensorflow", () => engine().findBackend("cpu"));

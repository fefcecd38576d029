"""A language model's folder for transformers.js: onnx/model.onnx in float32 and onnx/model_q4.onnx in symmetric blocks of 4 bits.

The graphs are those of onnxruntime-genai's model builder, with grouped-query attention over a cache: the fastest that transformers.js is
given on the hub, so that ours are compared with the best of theirs. q4 is blocks of 32 weights, in embeddings and head as well.

usage: python export_decoder.py --model FOLDER|FILE.gguf --out FOLDER
needs: pip install torch transformers onnx onnxruntime onnxruntime-genai onnx_ir; gguf for files of llama.cpp
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

import onnx
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

LAST = "prune_lm_head=true"  # scores of the last word alone, as whoever generates needs them
BLOCKS = "int4_accuracy_level=4 int4_block_size=32 int4_is_symmetric=true int4_op_types_to_quantize=MatMul/Gather"


def build(folder, out, precision, *options):
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", folder, "-o", out, "-p", precision]
    subprocess.run([*command, "-e", "cpu", *options], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True)
    given = parser.parse_args()
    source, out = pathlib.Path(given.model), pathlib.Path(given.out)
    where = {"pretrained_model_name_or_path": source}
    if source.suffix == ".gguf":
        where = {"pretrained_model_name_or_path": source.parent, "gguf_file": source.name}
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        plain = pathlib.Path(scratch) / "plain"
        loaded = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
        settings = {key: value for key, value in loaded.config.to_dict().items() if key != "quantization_config"}
        model = type(loaded)(type(loaded.config)(**settings))  # one that was never in blocks can be saved
        model.load_state_dict(loaded.state_dict())
        model.save_pretrained(plain)
        AutoTokenizer.from_pretrained(**where).save_pretrained(plain)
        for precision, name, options in [("fp32", "model", []), ("int4", "model_q4", BLOCKS.split())]:
            made = pathlib.Path(scratch) / name
            build(str(plain), str(made), precision, "--extra_options", LAST, *options)
            graph = onnx.load(made / "model.onnx")
            for value in [*graph.graph.input, *graph.graph.output]:
                for size in value.type.tensor_type.shape.dim:
                    if size.dim_param == "kv_cache_dim":  # transformers.js makes empty caches by what is declared
                        size.dim_value = model.config.head_dim
            onnx.save(graph, out / "onnx" / f"{name}.onnx")  # in one file
        for file in plain.iterdir():
            if file.suffix in (".json", ".jinja") and file.is_file():
                shutil.copyfile(file, out / file.name)


if __name__ == "__main__":
    main()

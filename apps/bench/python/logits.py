"""Logits of a language model for lists of ids, by transformers, PEFT or ONNX Runtime, as float32 one after the other.

usage: python logits.py --model FOLDER|FILE.gguf|FILE.onnx [--adapter FOLDER] --ids FILE.json --out FILE
needs: pip install torch transformers; peft for --adapter; gguf for files of llama.cpp; onnxruntime for ONNX files
"""

import argparse
import json
import pathlib

import numpy


def by_transformers(model, adapter):
    import torch
    from transformers import AutoModelForCausalLM

    path = pathlib.Path(model)
    file = {"gguf_file": path.name} if path.suffix == ".gguf" else {}
    loaded = AutoModelForCausalLM.from_pretrained(path.parent if file else path, dtype=torch.float32, **file)
    if adapter is not None:
        from peft import PeftModel

        loaded = PeftModel.from_pretrained(loaded, adapter)
    loaded = loaded.eval()

    def run(ids):
        with torch.no_grad():
            return loaded(torch.tensor([ids])).logits[0].float().numpy()

    return run


def by_onnx(file):
    import onnxruntime

    session = onnxruntime.InferenceSession(file)
    past = {
        given.name: numpy.zeros([1, given.shape[1], 0, given.shape[3]], numpy.float32)
        for given in session.get_inputs()
        if given.name.startswith("past_key_values")
    }

    def run(ids):
        row = numpy.array([ids], numpy.int64)
        return session.run(["logits"], {"input_ids": row, "attention_mask": numpy.ones_like(row), **past})[0][0]

    return run


parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--adapter")
parser.add_argument("--ids", required=True)
parser.add_argument("--out", required=True)
given = parser.parse_args()
run = by_onnx(given.model) if given.model.endswith(".onnx") else by_transformers(given.model, given.adapter)
with open(given.out, "wb") as out:
    for ids in json.loads(pathlib.Path(given.ids).read_text()):
        out.write(numpy.ascontiguousarray(run(ids), numpy.float32).tobytes())

"""A model's folder with ONNX files beside the checkpoint, as transformers.js reads them: in float32 and in 8 bits.

usage: python export_onnx.py --model FOLDER --out FOLDER
needs: pip install torch transformers onnx onnxruntime onnxscript
"""

import argparse
import pathlib
import shutil

import torch
import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic


class Hidden(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        output = self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        return output.last_hidden_state


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    for file in pathlib.Path(options.model).iterdir():
        if file.is_file():
            shutil.copyfile(file, out / file.name)
    model = transformers.AutoModel.from_pretrained(options.model, attn_implementation="eager").eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones(2, 8, dtype=torch.long) for _ in names)
    axes = {0: "batch", 1: "length"}
    plain, quantised = (str(out / "onnx" / name) for name in ("model.onnx", "model_quantized.onnx"))
    torch.onnx.export(
        Hidden(model), example, plain, input_names=names, output_names=["last_hidden_state"],
        dynamic_axes={name: axes for name in [*names, "last_hidden_state"]}, opset_version=17, dynamo=False,
    )  # fmt: skip
    # A scale for each channel, and 7 bits, with which products without VNNI are exact.
    quantize_dynamic(plain, quantised, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)


if __name__ == "__main__":
    main()

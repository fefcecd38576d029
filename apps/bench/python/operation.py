"""The operations of operations.ts in PyTorch, one JSON line each.

usage: python operation.py --operations '[{"row": "gemm", "kind": "gemm", "numbers": [1024, 768, 768]}]' [--seconds 1] [--threads 2]
needs: pip install torch transformers
"""

import argparse
import json
import resource
import statistics
import time

import torch
import transformers

MODELS = {}


def model_of(size):
    layers, width = (int(part) for part in size.split("x"))
    if size not in MODELS:
        config = transformers.RobertaConfig(
            hidden_size=width, num_hidden_layers=layers, num_attention_heads=width // 64, intermediate_size=4 * width,
            vocab_size=5_000, max_position_embeddings=514, type_vocab_size=1,
        )  # fmt: skip
        MODELS[size] = transformers.RobertaModel(config, add_pooling_layer=False).eval()
    return MODELS[size]


def with_gradients(function, *inputs):
    for tensor in inputs:
        tensor.requires_grad_()

    def run():
        for tensor in inputs:
            tensor.grad = None
        function(*inputs).sum().backward()

    return run


def prepare(kind, numbers, size=None):
    if kind == "gemm":
        rows, inner, columns = numbers
        x, y = torch.randn(rows, inner), torch.randn(inner, columns)
        return lambda: x @ y
    if kind == "attention":
        batch, heads, seq = numbers
        attend = torch.nn.functional.scaled_dot_product_attention
        return with_gradients(attend, *(torch.randn(batch, heads, seq, 64) for _ in range(3)))
    if kind == "norm":
        rows, width = numbers
        gain, bias = torch.randn(width), torch.randn(width)
        return with_gradients(lambda x: torch.nn.functional.layer_norm(x, (width,), gain, bias), torch.randn(rows, width))
    if kind == "gelu":
        return with_gradients(torch.nn.functional.gelu, torch.randn(*numbers))
    batch, seq = numbers
    ids = torch.tensor([2 + i * 7919 % 4_998 for i in range(batch * seq)]).view(batch, seq)
    model, mask = model_of(size), torch.ones(batch, seq, dtype=torch.long)

    def forward():
        with torch.no_grad():
            return model(input_ids=ids, attention_mask=mask).last_hidden_state

    return forward


def median_of(run, seconds):
    durations, end = [], time.perf_counter() + seconds
    while len(durations) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        durations.append((time.perf_counter() - start) * 1e3)
    return statistics.median(durations)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=json.loads, required=True)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    for spec in options.operations:
        run = prepare(spec["kind"], spec["numbers"], spec.get("size"))
        median_of(run, options.seconds / 4)
        median = median_of(run, options.seconds)
        print(json.dumps({
            "bench": "backend", "row": spec["row"], "backend": "pytorch", "medianMs": round(median, 3),
            "peakMiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), "torch": torch.__version__,
        }))  # fmt: skip


if __name__ == "__main__":
    main()

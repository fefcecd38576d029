"""Reads a GGUF file and dequantises all of its tensors by the Python package gguf, as one JSON line.

usage: python gguf_read.py MODEL.gguf [--row float32]
needs: pip install gguf
"""

import argparse
import json
import resource
import time

import gguf

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--row", default="float32")
given = parser.parse_args()

start = time.perf_counter()
reader = gguf.GGUFReader(given.model)
read = time.perf_counter()
tensors = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
end = time.perf_counter()
print(json.dumps({
    "bench": "gguf", "row": given.row, "backend": f"gguf-py {len(tensors)} tensors", "medianMs": round((end - start) * 1000),
    "readMs": round((read - start) * 1000), "dequantiseMs": round((end - read) * 1000),
    "peakMiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
}))  # fmt: skip

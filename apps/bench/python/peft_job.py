"""A whole job in PyTorch + transformers + PEFT, as job/run.ts does it here: from process start to the saved adapter, one JSON line.

usage: peft_job.py --model FOLDER --data ROWS.jsonl --out FOLDER [--row NAME] [--seed 1] [--epochs 3] [--batch 16] [--train 2000] [--threads 2] [--dropout 0.1]
needs: pip install torch transformers peft

What a knowledgeable user of a CPU writes: texts tokenised once by the parallel tokenizer, batches of similar length in random order, padded
no further than to their longest row, a sorted evaluation in large batches without gradients, fused attention and optimiser, memory
that the C library does not give back between steps, and no import that is not needed.
"""

import argparse
import ctypes
import gc
import json
import os
import resource
import time


def since_start():
    """Seconds since the process was created."""
    with open("/proc/self/stat") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


parser = argparse.ArgumentParser()
for name in ("model", "data", "out"):
    parser.add_argument(f"--{name}", required=True)
parser.add_argument("--row")
parser.add_argument("--dropout", type=float)
for name, value in {"seed": 1, "epochs": 3, "batch": 16, "train": 2000, "threads": 0}.items():
    parser.add_argument(f"--{name}", type=int, default=value)
options = parser.parse_args()

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "true" if options.threads != 1 else "false"
if options.threads:
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
gc.disable()
try:  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD of glibc: large tensors are paid for in page faults otherwise
    libc = ctypes.CDLL("libc.so.6")
    for key, value in ((-3, 32 << 20), (-1, 1 << 30), (-2, 64 << 20)):
        libc.mallopt(key, value)
except OSError:
    pass

import numpy  # noqa: E402
import peft  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
from transformers import BertForSequenceClassification  # noqa: E402

LENGTH, EVALUATION_BATCH, POOL = 128, 32, 50
split, last = {"import": since_start()}, time.perf_counter()


def mark(part):
    global last
    now = time.perf_counter()
    split[part] = split.get(part, 0) + now - last
    last = now


if options.threads:
    torch.set_num_threads(options.threads)
torch.manual_seed(options.seed)
order_of = numpy.random.default_rng(options.seed)
with open(options.data, encoding="utf-8") as file:
    rows = [json.loads(line) for line in file]
labels = sorted({row["label"] for row in rows})
train_rows = range(2000)[: options.train]
evaluated = numpy.arange(2000, len(rows))
truth = torch.tensor([labels.index(row["label"]) for row in rows])
tokenizer = tokenizers.Tokenizer.from_file(os.path.join(options.model, "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(LENGTH)
ids = [encoding.ids for encoding in tokenizer.encode_batch([row["text"] for row in rows])]
lengths = numpy.array([len(each) for each in ids])
mark("start")

rates = {} if options.dropout is None else {"hidden_dropout_prob": options.dropout, "attention_probs_dropout_prob": options.dropout}
base = BertForSequenceClassification.from_pretrained(
    options.model, num_labels=len(labels), attn_implementation="sdpa", dtype=torch.float32, **rates
)
lora = peft.LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["query", "value"])
model = peft.get_peft_model(base, lora)
net = model.get_base_model()
trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimiser = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0, fused=True)
steps = options.epochs * -(-len(train_rows) // options.batch)
warm_up = -(-steps // 10)
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimiser, lambda step: step / warm_up if step < warm_up else (steps - step) / max(1, steps - warm_up)
)
mark("model")


def batch_of(chosen):
    length = lengths[chosen].max()
    table = numpy.zeros((len(chosen), length), dtype=numpy.int64)
    for i, row in enumerate(chosen):
        table[i, : lengths[row]] = ids[row]
    mask = None
    if lengths[chosen].min() < length:
        mask = torch.from_numpy((numpy.arange(length) < lengths[chosen][:, None]).astype(numpy.int64))
    return {"input_ids": torch.from_numpy(table), "attention_mask": mask}


def cut(rows, size):
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def plan():
    """Batches of one epoch: rows sorted by length among 50 batches, batches in random order."""
    pools = cut(order_of.permutation(train_rows), POOL * options.batch)
    batches = [batch for pool in pools for batch in cut(pool[numpy.argsort(-lengths[pool], kind="stable")], options.batch)]
    return [batches[i] for i in order_of.permutation(len(batches))]


by_length = cut(evaluated[numpy.argsort(-lengths[evaluated], kind="stable")], EVALUATION_BATCH)


def evaluate():
    model.eval()
    guess = torch.empty(len(rows), dtype=torch.long)
    with torch.inference_mode():
        for chosen in by_length:
            guess[chosen] = net(**batch_of(chosen)).logits.argmax(-1)
    model.train()
    confusion = numpy.zeros((len(labels), len(labels)))
    numpy.add.at(confusion, (truth[evaluated].numpy(), guess[evaluated].numpy()), 1)
    counted = confusion.sum(0) + confusion.sum(1)
    f1 = 2 * confusion.diagonal()[counted > 0] / counted[counted > 0]
    return {"accuracy": confusion.trace() / confusion.sum(), "macroF1": f1.mean()}


model.train()
epochs, durations = [], []
for _ in range(options.epochs):
    for chosen in plan():
        begin = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(net(**batch_of(chosen)).logits, truth[chosen])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0, foreach=True)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
        durations.append(time.perf_counter() - begin)
    mark("train")
    epochs.append(evaluate())
    mark("evaluation")
model.save_pretrained(options.out)
mark("save")
wall = since_start()
usage = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            "bench": "job", "row": options.row, "backend": "pytorch", "mode": "float32", "seed": options.seed,
            "medianMs": round(1000 * wall), "processorMs": round(1000 * (usage.ru_utime + usage.ru_stime)),
            "peakMiB": round(usage.ru_maxrss / 1024), "steps": len(durations),
            "stepMs": round(1000 * sorted(durations)[len(durations) // 2]),
            "split": {part: round(seconds, 2) for part, seconds in split.items()},
            "epochs": epochs, "torch": torch.__version__, "peft": peft.__version__,
        }
    )
)  # fmt: skip

"""One training step of a PEFT method on the work of src/delta/measure.ts, as one JSON line.

usage: python peft_methods.py --method lora --size 4x256|12x768|... [--steps 20] [--batch 8] [--seq 64] [--threads 2] [--round 0]
needs: pip install torch transformers peft
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time

import peft
import torch
import transformers

WARM_UP = 4
QV = ["query", "value"]


def config_of(method, width, layers):
    encoder = dict(task_type="SEQ_CLS")
    lora = dict(r=8, lora_alpha=16, target_modules=QV, **encoder)
    return {
        "lora": lambda: peft.LoraConfig(**lora),
        "dora": lambda: peft.LoraConfig(use_dora=True, **lora),
        "bias": lambda: peft.LoraConfig(bias="all", **lora),
        "embeddings": lambda: peft.LoraConfig(**{**lora, "target_modules": ["word_embeddings", *QV]}),
        "adaLora": lambda: peft.AdaLoraConfig(init_r=12, target_r=8, total_step=10_000, target_modules=QV, **encoder),
        "vera": lambda: peft.VeraConfig(r=256, target_modules=QV, **encoder),
        "loHa": lambda: peft.LoHaConfig(r=8, alpha=16, target_modules=QV, **encoder),
        "loKr": lambda: peft.LoKrConfig(r=8, alpha=16, target_modules=QV, **encoder),
        "oft": lambda: peft.OFTConfig(r=0, oft_block_size=32, target_modules=QV, **encoder),
        "shira": lambda: peft.ShiraConfig(r=8, target_modules=QV, **encoder),
        "ia3": lambda: peft.IA3Config(**encoder),
        "norms": lambda: peft.LNTuningConfig(target_modules=r".*layer\.\d+\..*LayerNorm", **encoder),
        "prompt": lambda: peft.PromptTuningConfig(num_virtual_tokens=20, **encoder),
        "pTuning": lambda: peft.PromptEncoderConfig(num_virtual_tokens=20, encoder_hidden_size=width, **encoder),
        "tokens": lambda: peft.TrainableTokensConfig(target_modules=["word_embeddings"], token_indices=[7, 30, 12, 5], **encoder),
        "prefix": lambda: peft.PrefixTuningConfig(num_virtual_tokens=20, task_type="CAUSAL_LM"),
    }[method]()


def build(method, layers, width):
    vocabulary = {768: 50_265, 576: 49_152}.get(width, 5_000)
    shape = dict(hidden_size=width, num_hidden_layers=layers, num_attention_heads=width // 64, vocab_size=vocabulary, max_position_embeddings=514)
    if method == "prefix":
        model = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(intermediate_size=3 * width, tie_word_embeddings=True, **shape)
        )
    else:
        model = transformers.RobertaForSequenceClassification(transformers.RobertaConfig(
            intermediate_size=4 * width, type_vocab_size=1, num_labels=2, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0, **shape,
        ))  # fmt: skip
    tuned = peft.get_peft_model(model, config_of(method, width, layers))
    if method == "tokens":  # which trains no head unless told to
        for parameter in tuned.base_model.model.classifier.parameters():
            parameter.requires_grad = True
    return tuned.train(), vocabulary


def saved(model):
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, save_embedding_layers=False)
        names = ("adapter_config.json", "adapter_model.safetensors")
        return sum(os.path.getsize(os.path.join(folder, name)) for name in names)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", required=True)
    parser.add_argument("--size", default="4x256")
    for name, value in {"steps": 20, "batch": 8, "seq": 64, "threads": 2, "round": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    layers, width = (int(part) for part in options.size.split("x"))
    model, vocabulary = build(options.method, layers, width)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0)
    count = options.batch * options.seq
    ids = torch.tensor([2 + i * 7919 % (vocabulary - 2) for i in range(count)]).view(options.batch, options.seq)
    batch = {
        "input_ids": ids,
        "attention_mask": torch.ones(options.batch, options.seq, dtype=torch.long),
        "labels": ids if options.method == "prefix" else torch.tensor([i % 2 for i in range(options.batch)]),
    }
    durations, processor = [], []
    for step in range(WARM_UP + options.steps):
        start, before = time.perf_counter(), time.process_time()
        optimiser.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        optimiser.step()
        if options.method == "adaLora":
            model.base_model.update_and_allocate(step + 1)
        value = loss.item()
        if step >= WARM_UP:
            durations.append((time.perf_counter() - start) * 1e3)
            processor.append((time.process_time() - before) * 1e3)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps({
        "bench": "delta", "row": options.method, "size": options.size, "round": options.round, "backend": "pytorch",
        "batch": options.batch, "seq": options.seq, "steps": options.steps, "trainable": sum(weight.numel() for weight in trained),
        "medianMs": round(statistics.median(durations), 1), "minMs": round(min(durations), 1),
        "processorMs": round(statistics.median(processor), 1), "peakMiB": peak, "fileBytes": saved(model), "loss": round(value, 5),
        "torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__,
    }))  # fmt: skip


if __name__ == "__main__":
    main()

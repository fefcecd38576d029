"""One training step of PyTorch + transformers + PEFT on the work of measure-step.ts, as one JSON line.

usage: python peft_step.py --size 4x256|12x768|... [--method lora|full|causal|smollm2] [--dropout 0] [--precision float32|autocast|bfloat16] [--steps 20] [--batch 8] [--seq 64] [--threads 2]
needs: pip install torch transformers peft
"""

import argparse
import json
import resource
import statistics
import time

import peft
import torch
import transformers

WARM_UP = 4


def build(size, method, dropout):
    layers, width = (int(part) for part in size.split("x"))
    vocabulary = {768: 50_265, 576: 49_152}.get(width, 5_000)
    if method == "smollm2":
        config = transformers.LlamaConfig(
            hidden_size=width, intermediate_size=8 * width // 3, num_hidden_layers=layers, num_attention_heads=width // 64,
            num_key_value_heads=width // 192, vocab_size=vocabulary, max_position_embeddings=8192, rms_norm_eps=1e-5,
            tie_word_embeddings=True, attention_dropout=dropout,
        )  # fmt: skip
        lora = peft.LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["q_proj", "v_proj"])
        return peft.get_peft_model(transformers.LlamaForCausalLM(config), lora).train(), vocabulary
    if method == "causal":
        config = transformers.GPT2Config(
            n_embd=width, n_layer=layers, n_head=width // 64, vocab_size=vocabulary, n_positions=514,
            resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout, bos_token_id=0, eos_token_id=0,
        )  # fmt: skip
        return transformers.GPT2LMHeadModel(config).train(), vocabulary
    config = transformers.RobertaConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=width // 64, intermediate_size=4 * width,
        vocab_size=vocabulary, max_position_embeddings=514, type_vocab_size=1, num_labels=2,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    model = transformers.RobertaForSequenceClassification(config)
    if method == "lora":
        lora = peft.LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["query", "value"])
        model = peft.get_peft_model(model, lora)
    return model.train(), vocabulary


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", default="4x256")
    parser.add_argument("--method", choices=["lora", "full", "causal", "smollm2"], default="lora")
    parser.add_argument("--dropout", type=float, default=0)
    parser.add_argument("--precision", choices=["float32", "autocast", "bfloat16"], default="float32")
    parser.add_argument("--row")
    for name, value in {"steps": 20, "batch": 8, "seq": 64, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model, vocabulary = build(options.size, options.method, options.dropout)
    if options.precision == "bfloat16":
        model = model.to(torch.bfloat16)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-3)
    count = options.batch * options.seq
    ids = torch.tensor([2 + i * 7919 % (vocabulary - 2) for i in range(count)]).view(options.batch, options.seq)
    batch = {
        "input_ids": ids,
        "attention_mask": torch.ones(options.batch, options.seq, dtype=torch.long),
        "labels": ids if options.method in ("causal", "smollm2") else torch.tensor([i % 2 for i in range(options.batch)]),
    }
    durations, processor = [], []
    for step in range(WARM_UP + options.steps):
        start, before = time.perf_counter(), time.process_time()
        optimiser.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "autocast"):
            loss = model(**batch).loss
        loss.backward()
        optimiser.step()
        value = loss.item()
        if step >= WARM_UP:
            durations.append((time.perf_counter() - start) * 1e3)
            processor.append((time.process_time() - before) * 1e3)
    print(json.dumps({
        "bench": "train", "row": options.row or f"{options.method} {options.size}", "backend": "pytorch", "precision": options.precision,
        "batch": options.batch, "seq": options.seq, "trainable": sum(weight.numel() for weight in trained), "steps": options.steps,
        "medianMs": round(statistics.median(durations), 1), "minMs": round(min(durations), 1),
        "processorMs": round(statistics.median(processor), 1),
        "peakMiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), "loss": round(value, 5),
        "torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__,
    }))  # fmt: skip


if __name__ == "__main__":
    main()

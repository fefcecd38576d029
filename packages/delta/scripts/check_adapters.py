"""Loads adapters written by write-adapters.ts with PEFT and compares the predictions.

usage: python check_adapters.py FOLDER
Prints the largest difference for each adapter; ends with code 1 when one is above 1e-4, or when PEFT warns that keys
are missing. Last run with peft 0.21.2, transformers 5.24.0, torch 2.15.0.
"""
import json
import os
import sys
import warnings

import torch
import transformers
from peft import PeftModel

CLASSES = {
    None: transformers.AutoModel,
    "sequence-classification": transformers.AutoModelForSequenceClassification,
    "regression": transformers.AutoModelForSequenceClassification,
    "token-classification": transformers.AutoModelForTokenClassification,
    "masked-lm": transformers.AutoModelForMaskedLM,
    "causal-lm": transformers.AutoModelForCausalLM,
    "sequence-to-sequence": transformers.AutoModelForSeq2SeqLM,
}

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
failed = False
for name in sorted(os.listdir(sys.argv[1])):
    folder = os.path.join(sys.argv[1], name)
    with open(os.path.join(folder, "expected.json")) as file:
        case = json.load(file)
    base = CLASSES[case["head"]].from_pretrained(os.path.join(folder, "base"), attn_implementation="eager")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base, os.path.join(folder, "adapter")).eval()
    complaints = [str(w.message) for w in caught if "adapter keys" in str(w.message)]
    try:
        with torch.no_grad():
            # Not as labels: PEFT's AdaLoRA adds its penalty to every loss, and finds no settings for it outside of training.
            before = [[0, *row[:-1]] for row in case.get("labels", [])]
            words = {"decoder_input_ids": torch.tensor(before)} if before else {}
            output = model(input_ids=torch.tensor(case["ids"]), attention_mask=torch.tensor(case["mask"]), **words)
    except ValueError as error:  # such as a prefix on BERT, which transformers 5.24 has no cache for
        failed = True
        print(f"FAILED {name}: {error}")
        continue
    received = output.logits if case["head"] else output.last_hidden_state
    if case["head"] == "token-classification":
        received = received[:, -len(case["ids"][0]):]  # PEFT also returns the scores of prompt rows; its loss ignores them
    expected = torch.tensor(case["expected"])
    if case["head"] == "causal-lm":  # scores at padded positions mean nothing
        real = torch.tensor(case["mask"]).unsqueeze(-1)
        received, expected = (scores[:, -real.shape[1] :] * real for scores in (received, expected))
    difference = (received - expected).abs().max().item()
    bad = difference > 1e-4 or complaints
    failed = failed or bad
    print(f"{'FAILED' if bad else 'equal '} {name}: {difference:.1e} {' '.join(complaints)}")
sys.exit(1 if failed else 0)

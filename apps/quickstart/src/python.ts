/** The tuned model in Python: a folder of the base, one of the adapter, and a program that reads both. */

/** A program for transformers and PEFT that classifies the same sentences. */
export const pythonProgram = (
  labels: readonly string[],
  sentences: readonly string[],
): string => `"""Needs: pip install torch transformers peft"""
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

here = Path(__file__).parent
labels = ${JSON.stringify(labels)}
base = AutoModelForSequenceClassification.from_pretrained(here / "base", num_labels=len(labels))
model = PeftModel.from_pretrained(base, here / "adapter").eval()
tokenizer = AutoTokenizer.from_pretrained(here / "base")
for text in ${JSON.stringify(sentences)}:
    with torch.no_grad():
        scores = model(**tokenizer(text, return_tensors="pt")).logits.softmax(-1)[0]
    print(f"{labels[scores.argmax()]} {scores.max():.3f}  {text}")
`;

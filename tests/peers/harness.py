"""Loss, choice and scores by other people's programs, for test_peers_of_figures.py: JSON in, JSON out."""

import json
import math
import sys

import torch
import transformers


def main():
    asked = json.load(sys.stdin)
    answer = globals()[asked.pop("what")](**asked)
    print(json.dumps(answer))


def windows(folder, ids, plan):
    """Nats of each token by Hugging Face's logits in double precision, window by window.

    `ids` begins with the end of text; a window is (start, length, first).
    """
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).double().eval()
    nats = []
    for start, length, first in plan:
        part = torch.tensor([ids[start : start + length + 1]])
        with torch.no_grad():
            logits = model(part[:, :-1]).logits[0, first:]
        losses = torch.nn.functional.cross_entropy(logits, part[0, 1 + first :], reduction="none")
        nats += losses.tolist()
    return {"nats": nats}


def harness(folder, text, choices, context):
    """Log-likelihood of a text and of choices after a context, by lm-evaluation-harness on transformers."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(pretrained=folder, device="cpu", dtype="float32", batch_size=1)

    def instances(kind, arguments):
        return [Instance(kind, {}, given, number) for number, given in enumerate(arguments)]

    rolling = model.loglikelihood_rolling(instances("loglikelihood_rolling", [(text,)]), disable_tqdm=True)
    pairs = [(context, choice) for choice in choices]
    found = model.loglikelihood(instances("loglikelihood", pairs), disable_tqdm=True)
    return {"rolling": float(rolling[0]), "choices": [float(score) for score, _ in found]}


def scores(texts, references):
    """BLEU of sacrebleu, and F1 of rouge-score for each pair."""
    import sacrebleu
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    rouge = [scorer.score(reference, text) for text, reference in zip(texts, references, strict=True)]
    bleu = sacrebleu.corpus_bleu(texts, [references]).score
    assert math.isfinite(bleu)
    return {"bleu": bleu, "rouge": [{name: score.fmeasure for name, score in row.items()} for row in rouge]}


if __name__ == "__main__":
    main()

"""Run by the interpreter of an environment with BertViz and transformers: the attention that they show of a text.

Standard input has one JSON object: "folder", a model directory; "ids" [T]. The last line of standard output has
transformers' attention [L, H, T, T], what BertViz's model view and head view have put into their pages, and the ten
likeliest next tokens of transformers with their probabilities.
"""

import json
import re
import sys


def shown(page):
    """The attention that a page of BertViz holds, [L, H, T, T]."""
    (params,) = re.findall(r"const params = (\{.*?\});? *(?://.*)?\n", page.data)
    (attention,) = json.loads(params)["attention"]
    return attention["attn"]


def main(folder, ids):
    import torch
    from bertviz import head_view, model_view
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        outputs = model(torch.tensor([ids]), output_attentions=True)
    best = torch.topk(outputs.logits[0, -1].softmax(-1), 10)
    names = [str(token) for token in ids]
    views = {
        view.__name__: view(outputs.attentions, names, html_action="return") for view in (model_view, head_view)
    }
    return {
        "transformers": [layer[0].tolist() for layer in outputs.attentions],
        **{name: shown(page) for name, page in views.items()},
        "ids": best.indices.tolist(),
        "probabilities": best.values.tolist(),
    }


if __name__ == "__main__":
    print(json.dumps(main(**json.load(sys.stdin))))

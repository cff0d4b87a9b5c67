"""Scores of exported folders with a head, in PyTorch: networks by hand with the names of transformers, and the state that its classes
take, that of the last token that is no padding; our own class as it is in the folder.

open_heads.py JOB, where JOB is {"folders": [...], "sequences": [[...], ...], "output": FILE}; writes for each folder a list of scores
for each sequence.
"""
import json
import sys

import external
import open_exported
import torch

STATES = {
    "gpt2": external.gpt2_states,
    "mpt": external.mpt_states,
    "gpt_neox": external.gpt_neox_states,
}


def scores(folder, sequences):
    with open(folder + "/config.json") as file:
        config = json.load(file)
    tensors = open_exported.read_tensors(folder + "/model.safetensors")
    pad = config["pad_token_id"]
    longest = max(map(len, sequences))
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in sequences])
    mask = (ids != pad).long()
    if config["model_type"] == "dept":
        code = open_exported.own_code(folder)
        model = code.DeptForSequenceClassification(code.DeptConfig(**config))
        model.load_state_dict(tensors, strict=True)
        logits = model(ids, attention_mask=mask).logits
        alone = model(torch.tensor([sequences[0]])).logits
        assert torch.allclose(alone[0], logits[0], atol=1e-4)
        left = [[pad] * (longest - len(row)) + row for row in sequences]
        on_the_left = model(torch.tensor(left), attention_mask=(torch.tensor(left) != pad).long())
        assert torch.allclose(on_the_left.logits, logits, atol=1e-4)
        return logits
    states = STATES[config["model_type"]](tensors, config, ids)
    # As its versions have found the last token: by counting, by looking for the first padding, and for the last that is none.
    rows = torch.arange(len(sequences))
    first_padding = ids.eq(pad).int().argmax(-1) - 1
    last_other = (torch.arange(longest) * mask).argmax(-1)
    assert (ids.ne(pad).sum(-1) - 1).eq(last_other).all()
    assert (first_padding % longest).eq(last_other).all()
    score = tensors.pop("score.weight")
    assert "score.bias" not in tensors
    return (states @ score.T)[rows, last_other]


with open(sys.argv[1]) as file:
    job = json.load(file)
torch.set_num_threads(1)
with torch.no_grad():
    found = [scores(folder, job["sequences"]).tolist() for folder in job["folders"]]
with open(job["output"], "w") as file:
    json.dump(found, file)

#!/usr/bin/python3
"""Compares smt_step.py with numbers of the reference code: a yardstick that computes something else would be no yardstick.

    check_golden.py FOLDER      the golden set (FOLDER/<case>/case.json); needs edm_ddpmpp_cond, smt_ddpmpp_amortized,
                                smt_train_steps. Weights are regenerated from their formula.
"""
import json
import struct
import sys

import numpy as np
import torch

import smt_step

DTYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64}


def safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + size]), memoryview(data)[8 + size:]
    return {name: torch.from_numpy(np.frombuffer(body[slice(*e["data_offsets"])], DTYPES[e["dtype"]]).reshape(e["shape"]).copy())
            for name, e in header.items() if name != "__metadata__"}


def formula(entry):
    """A weight from its seed (section "Formula weights" of the golden set's README)."""
    if "const" in entry:
        return torch.full(entry["shape"], float(entry["const"]))
    i = np.arange(int(np.prod(entry["shape"])), dtype=np.uint64)
    x = (i * 0x9E3779B1 + entry["seed"]) & 0xFFFFFFFF
    x ^= x >> 16
    x = (x * 0x7FEB352D) & 0xFFFFFFFF
    x ^= x >> 15
    x = (x * 0x846CA68B) & 0xFFFFFFFF
    x ^= x >> 16
    r = ((x >> np.uint64(8)).astype(np.int64) - (1 << 23)).astype(np.float32) * np.float32(2.0 ** -23)
    return torch.from_numpy(np.float32(entry["offset"]) + np.float32(entry["scale"]) * r).reshape(entry["shape"])


def network(config, amortized):
    return smt_step.Denoiser(
        channels=config["img_channels"], resolution=config["img_resolution"], model_channels=config["model_channels"],
        multipliers=config["channel_mult"], blocks=config["num_blocks"], attention=config["attn_resolutions"],
        labels=config["label_dim"], dropout=config["dropout"], amortized=amortized)


class Case:
    def __init__(self, folder, name):
        self.name, self.failures = name, 0
        with open(f"{folder}/{name}/case.json") as file:
            self.case = json.load(file)
        with open(f"{folder}/{name}/weights.json") as file:
            self.weights = {e["name"]: formula(e) for e in json.load(file)["tensors"]}
        self.data, self.config = safetensors(f"{folder}/{name}/data.safetensors"), self.case["config"]

    def load(self, module, prefix=""):
        weights = {n[len(prefix):]: w for n, w in self.weights.items() if n.startswith(prefix)}
        module.load_state_dict({n: w for n, w in weights.items() if n != "model.map_augment.weight"})
        return module

    def compare(self, name, actual):
        expected, tolerance = self.data["out." + name], self.case["expected"][name]
        limit = tolerance["atol"] + tolerance["rtol"] * expected.abs()
        worst = ((actual.detach() - expected).abs() / limit).max().item()
        self.failures += not worst <= 1
        print(f"{'ok  ' if worst <= 1 else 'FAIL'} {self.name}/{name}: {worst:.3f} of the tolerance")


def forward(case, amortized):
    net = case.load(network(case.config["network"], amortized)).eval()
    x = case.data["in.x"].clone().requires_grad_()
    labels, alpha = case.data.get("in.labels"), case.data.get("in.alpha")
    D = net(x, case.data["in.sigma"], labels, alpha)
    case.compare("D", D)
    case.compare("bottleneck", net(x, case.data["in.sigma"], labels, alpha, bottleneck=True))
    (D * case.data["in.cotangent"]).sum().backward()
    case.compare("grad_x", x.grad)


def train(case):
    c = case.config
    generator = case.load(network(c["gen_net"], False), "generator.")
    score = case.load(network(c["score_net"], True), "score.")
    head = case.load(smt_step.discriminator_head(*score.model.bottleneck, groups=c["head_groups"]), "head.")
    trainer = smt_step.Trainer(generator, score, head, c["gen_lr"], c["score_lr"], c["update_ratio"],
                               c["gen_cls_loss_weight"], c["cls_loss_weight"], c["max_grad_norm"])
    for k in range(c["iterations"]):
        fake, gen, sco = trainer.iterate(k, case.data[f"in.x_real{k}"], None, lambda name: case.data[f"in.{name}{k}"])
        case.compare(f"x_fake{k}", fake)
        if gen is not None:
            case.compare(f"gen{k}", torch.stack([v.detach() for v in gen]))
        case.compare(f"score{k}", torch.stack([v.detach() for v in sco]))
    with torch.no_grad():
        case.compare("final.x_fake", trainer.generate(case.data["in.z0"], None))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cases = [Case(sys.argv[1], n) for n in ("edm_ddpmpp_cond", "smt_ddpmpp_amortized", "smt_train_steps")]
    forward(cases[0], False)
    forward(cases[1], True)
    train(cases[2])
    failures = sum(c.failures for c in cases)
    print(f"{failures} comparisons failed" if failures else "every comparison passed")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()

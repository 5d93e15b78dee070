#!/usr/bin/python3
"""One SMT training iteration of preset `fashion-mnist-official`, written plainly in PyTorch: the yardstick for the
benchmark `training`.

Float32, contiguous tensors, eager mode; every term of Algorithm 1 is a forward pass of its own (f_0, f_alpha, f_1,
real and fake, and the discriminator's encoder passes), and resampling is the grouped (transposed) convolution with the
[1,1] filter, as the reference does it. Written from the paper (arXiv 2502.09609) and from the notes on where the
released code differs (docs/paper-vs-code.md); the parameter names are those of EDM checkpoints, so that
check_golden.py can load the reference's weights.

Prints one line of JSON: images per second of training iterations, generator steps included in their proportion.
"""
import argparse
import gzip
import json
import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SIGMA_DATA = 0.5


def karras_sigmas(count=1000, low=0.002, high=80.0, rho=7.0):
    """EDM Eq. (5), ascending, float32."""
    ramp = torch.linspace(0, 1, count)
    inverse = low ** (1 / rho), high ** (1 / rho)
    return (inverse[0] + ramp * (inverse[1] - inverse[0])) ** rho


def positional(x, channels):
    """Sinusoidal embedding with the endpoint included: [N] -> [N, channels], cosines first."""
    frequencies = torch.arange(channels // 2, dtype=torch.float32) / (channels // 2 - 1)
    frequencies = (1 / 10000) ** frequencies
    phases = x.outer(frequencies)
    return torch.cat([phases.cos(), phases.sin()], dim=1)


class Resample(nn.Module):
    """Convolution after resampling by 2 with the [1,1] filter, as a grouped (transposed) convolution."""

    def __init__(self, inputs, outputs, kernel, up=False, down=False):
        super().__init__()
        self.up, self.down, self.inputs = up, down, inputs
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel) * math.sqrt(1 / (inputs * kernel * kernel)))
        self.bias = nn.Parameter(torch.zeros(outputs))
        if up or down:
            self.register_buffer("resample_filter", torch.full([1, 1, 2, 2], 0.25))

    def forward(self, x):
        if self.up:
            x = F.conv_transpose2d(x, (4 * self.resample_filter).repeat(self.inputs, 1, 1, 1), groups=self.inputs, stride=2)
        if self.down:
            x = F.conv2d(x, self.resample_filter.repeat(self.inputs, 1, 1, 1), groups=self.inputs, stride=2)
        return F.conv2d(x, self.weight, self.bias, padding=self.weight.shape[-1] // 2)


def group_norm(channels):
    return nn.GroupNorm(min(32, channels // 4), channels, eps=1e-6)


class Block(nn.Module):
    """Residual block of DDPM++ with optional resampling and optional single-head self-attention."""

    def __init__(self, inputs, outputs, embedding, up=False, down=False, attention=False, dropout=0.0):
        super().__init__()
        self.dropout, self.attention, self.outputs = dropout, attention, outputs
        self.norm0 = group_norm(inputs)
        self.conv0 = Resample(inputs, outputs, 3, up, down)
        self.affine = nn.Linear(embedding, outputs)
        self.norm1 = group_norm(outputs)
        self.conv1 = Resample(outputs, outputs, 3)
        self.skip = Resample(inputs, outputs, 1, up, down) if up or down or inputs != outputs else None
        if attention:
            self.norm2 = group_norm(outputs)
            self.qkv = Resample(outputs, 3 * outputs, 1)
            self.proj = Resample(outputs, outputs, 1)

    def forward(self, x, embedding):
        h = self.conv0(F.silu(self.norm0(x)))
        h = F.silu(self.norm1(h + self.affine(embedding)[:, :, None, None]))
        h = self.conv1(F.dropout(h, self.dropout, self.training))
        x = (h + (x if self.skip is None else self.skip(x))) * math.sqrt(0.5)
        if self.attention:
            n, c, height, width = x.shape
            # channels of the 1x1 convolution are interleaved: q, k, v of channel 0, then of channel 1, ...
            q, k, v = self.qkv(self.norm2(x)).reshape(n, c, 3, height * width).unbind(2)
            weights = torch.softmax(torch.einsum("ncq,nck->nqk", q, k / math.sqrt(c)), dim=2)
            a = torch.einsum("nqk,nck->ncq", weights, v).reshape(n, c, height, width)
            x = (self.proj(a) + x) * math.sqrt(0.5)
        return x


class DdpmPp(nn.Module):
    """DDPM++ U-Net; `amortized` adds the alpha embedding to the conditioning."""

    def __init__(self, channels, resolution, model_channels, multipliers, blocks, attention=(), labels=0, dropout=0.0, amortized=False):
        super().__init__()
        self.model_channels, self.amortized, width = model_channels, amortized, 4 * model_channels
        self.map_label = nn.Linear(labels, model_channels) if labels else None
        self.map_layer0 = nn.Linear(model_channels * (2 if amortized else 1), width)
        self.map_layer1 = nn.Linear(width, width)
        self.enc, self.dec = nn.ModuleDict(), nn.ModuleDict()
        current, skips = model_channels, [model_channels]
        for level, multiplier in enumerate(multipliers):
            size = resolution >> level
            if level == 0:
                self.enc[f"{size}x{size}_conv"] = Resample(channels, current, 3)
            else:
                self.enc[f"{size}x{size}_down"] = Block(current, current, width, down=True, dropout=dropout)
                skips.append(current)
            for i in range(blocks):
                self.enc[f"{size}x{size}_block{i}"] = Block(current, model_channels * multiplier, width, attention=size in attention, dropout=dropout)
                current = model_channels * multiplier
                skips.append(current)
        self.bottleneck = current, size
        for level, multiplier in reversed(list(enumerate(multipliers))):
            size = resolution >> level
            if level == len(multipliers) - 1:
                self.dec[f"{size}x{size}_in0"] = Block(current, current, width, attention=True, dropout=dropout)
                self.dec[f"{size}x{size}_in1"] = Block(current, current, width, dropout=dropout)
            else:
                self.dec[f"{size}x{size}_up"] = Block(current, current, width, up=True, dropout=dropout)
            for i in range(blocks + 1):
                self.dec[f"{size}x{size}_block{i}"] = Block(
                    current + skips.pop(), model_channels * multiplier, width, attention=i == blocks and size in attention, dropout=dropout)
                current = model_channels * multiplier
        self.dec[f"{size}x{size}_aux_norm"] = group_norm(current)
        self.dec[f"{size}x{size}_aux_conv"] = Resample(current, channels, 3)

    def embed(self, c_noise, labels, alpha):
        noise = positional(c_noise, self.model_channels)
        emb = noise.reshape(len(noise), 2, -1).flip(1).reshape(noise.shape)  # DDPM++ has the sines first
        if self.map_label is not None:
            emb = emb + self.map_label(labels * math.sqrt(self.map_label.in_features))
        if self.amortized:
            emb = torch.cat([emb, positional(alpha - 0.5, self.model_channels)], dim=1)
        return F.silu(self.map_layer1(F.silu(self.map_layer0(emb))))

    def encode(self, x, embedding):
        skips = []
        for block in self.enc.values():
            x = block(x, embedding) if isinstance(block, Block) else block(x)
            skips.append(x)
        return skips

    def forward(self, x, c_noise, labels=None, alpha=None, bottleneck=False):
        embedding = self.embed(c_noise, labels, alpha)
        skips = self.encode(x, embedding)
        x = skips[-1]
        if bottleneck:
            return x
        for name, block in self.dec.items():
            if name.endswith("aux_norm"):
                x = F.silu(block(x))
            elif name.endswith("aux_conv"):
                x = block(x)
            else:
                x = block(torch.cat([x, skips.pop()], dim=1) if "_block" in name else x, embedding)
        return x


class Denoiser(nn.Module):
    """EDM preconditioning, EDM Eq. (7)."""

    def __init__(self, **network):
        super().__init__()
        self.model = DdpmPp(**network)

    def forward(self, x, sigma, labels=None, alpha=None, bottleneck=False):
        s = sigma[:, None, None, None]
        c_in = 1 / (SIGMA_DATA ** 2 + s ** 2).sqrt()
        output = self.model(c_in * x, sigma.log() / 4, labels, alpha, bottleneck)
        if bottleneck:
            return output
        c_skip = SIGMA_DATA ** 2 / (s ** 2 + SIGMA_DATA ** 2)
        return c_skip * x + s * SIGMA_DATA * c_in * output


def discriminator_head(channels, resolution, groups):
    """Density-ratio logit on the bottleneck feature: two strided convolutions to 1x1, then a linear layer."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 4, stride=2, padding=1), nn.GroupNorm(groups, channels), nn.SiLU(),
        nn.Conv2d(channels, channels, resolution // 2), nn.GroupNorm(groups, channels), nn.SiLU(),
        nn.Conv2d(channels, 1, 1))


class Trainer:
    """Algorithm 1 with the released code's form of the losses. `draws` gives every random number by name."""

    def __init__(self, generator, score, head, generator_rate, score_rate, generator_every, generator_gan=3e-3, score_gan=1e-2, clip=10.0):
        self.generator, self.score, self.head = generator, score, head
        self.sigmas, self.every, self.clip = karras_sigmas(), generator_every, clip
        self.generator_gan, self.score_gan = generator_gan, score_gan
        self.psi = [*score.parameters(), *head.parameters()]
        self.optimizer_generator = torch.optim.AdamW(generator.parameters(), lr=generator_rate, weight_decay=0.01)
        self.optimizer_score = torch.optim.AdamW(self.psi, lr=score_rate, weight_decay=0.01)

    def noisy(self, x, t, noise):
        sigma = self.sigmas[t]
        return x + sigma[:, None, None, None] * noise, sigma

    def logit(self, x, t, noise, labels):
        x_t, sigma = self.noisy(x, t, noise)
        half = torch.full([len(x)], 0.5)
        return self.head(self.score(x_t, sigma, labels, half, bottleneck=True)).flatten()

    def generate(self, z, labels):
        high = self.sigmas[-1]
        return self.generator(high * z, high.expand(len(z)), labels)

    def generator_step(self, x, labels, draw):
        x_t, sigma = self.noisy(x.detach(), draw("t_gen"), draw("n_gen"))
        alpha, n = draw("alpha_gen"), len(x)
        with torch.no_grad():  # Eq. (9), (10), (32) with f_phi = f_1
            f_0 = self.score(x_t, sigma, labels, torch.zeros(n))
            f_a = self.score(x_t, sigma, labels, alpha)
            f_1 = self.score(x_t, sigma, labels, torch.ones(n))
            weight_dmd = (x - f_1).abs().mean([1, 2, 3], keepdim=True)
            weight_alpha = ((f_0 - f_a).square().mean([1, 2, 3], keepdim=True)
                            / ((f_0 - f_1).square() + 1e-6).mean([1, 2, 3], keepdim=True)).sqrt()
            gradient = torch.nan_to_num((f_0 - f_a) / (weight_dmd * weight_alpha))
        loss = 0.5 * F.mse_loss(x, (x - gradient).detach())
        gan = F.softplus(-self.logit(x, draw("t_gancls"), draw("n_gancls"), labels)).mean()
        self.optimizer_generator.zero_grad(set_to_none=True)
        (loss + self.generator_gan * gan).backward()
        norm = nn.utils.clip_grad_norm_(self.generator.parameters(), self.clip)
        self.optimizer_generator.step()
        return loss, gan, norm

    def score_step(self, fake, real, labels, draw):
        t, alpha = draw("t_score"), draw("alpha_score")[:, None, None, None]
        fake_t, sigma = self.noisy(fake, t, draw("n_score_fake"))
        real_t, _ = self.noisy(real, t, draw("n_score_real"))
        weight = (sigma ** -2 + SIGMA_DATA ** -2)[:, None, None, None]
        f_fake = self.score(fake_t, sigma, labels, alpha.flatten())
        f_real = self.score(real_t, sigma, labels, alpha.flatten())
        loss_fake = (weight * (1 - alpha) * (f_fake - fake).square()).mean()  # Eq. (8), App. C.1
        loss_real = (weight * alpha * (f_real - real).square()).mean()
        alpha = draw("alpha_disc")
        l_real = self.logit(real, draw("t_disc_real"), draw("n_disc_real"), labels)
        l_fake = self.logit(fake, draw("t_disc_fake"), draw("n_disc_fake"), labels)
        gan = ((1 - alpha) * F.softplus(l_fake)).mean() + (alpha * F.softplus(-l_real)).mean()
        self.optimizer_score.zero_grad(set_to_none=True)
        (loss_fake + loss_real + self.score_gan * gan).backward()
        norm = nn.utils.clip_grad_norm_(self.psi, self.clip)
        self.optimizer_score.step()
        return loss_fake + loss_real, loss_fake, loss_real, gan, norm

    def iterate(self, iteration, real, labels, draw):
        """One iteration: a generator step every n-th time, a score step always, on the fakes made before it."""
        update = iteration % self.every == 0
        with torch.set_grad_enabled(update):
            fake = self.generate(draw("z"), labels)
        generator = None
        if update:
            self.score.requires_grad_(False), self.head.requires_grad_(False)
            generator = self.generator_step(fake, labels, draw)
            self.score.requires_grad_(True), self.head.requires_grad_(True)
        return fake.detach(), generator, self.score_step(fake.detach(), real, labels, draw)


def random_draws(shape):
    """Draws of the released scripts: indices of the Karras grid and alphas (kind alpha_samplers)."""
    n = shape[0]

    def draw(name):
        if name == "z" or name.startswith("n_"):
            return torch.randn(shape)
        if name.startswith("t_"):
            return torch.randint(20, 981, [n]) if name == "t_gen" else torch.randint(0, 1000, [n])
        if name == "alpha_score":
            grid = torch.randint(0, 1001, [n]) / 1000
            return torch.where(torch.rand(n) < 0.5, torch.randint(0, 3, [n]) / 2, grid)
        return torch.randint(1, 1001, [n]) / 1000

    return draw


def fashion_mnist(folder):
    """Images [60000,1,32,32] in [-1,1] and one-hot labels, from the IDX files of Debian's dataset-fashion-mnist."""
    with gzip.open(f"{folder}/train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(f"{folder}/train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    images = F.pad(torch.from_numpy(images.copy()), [2, 2, 2, 2]).float() / 127.5 - 1
    return images, F.one_hot(torch.from_numpy(labels.copy()).long(), 10).float()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--warmup", type=int, default=5, help="iterations before the clock starts")
    parser.add_argument("--iterations", type=int, default=20, help="timed iterations; a multiple of 5 keeps the proportion")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    network = dict(channels=1, resolution=32, model_channels=16, multipliers=[1, 2, 3, 4], blocks=1, labels=10)
    generator, score = Denoiser(**network), Denoiser(**network, amortized=True)
    trainer = Trainer(generator, score, discriminator_head(*score.model.bottleneck, groups=8), 1e-4, 5e-4, generator_every=5)
    images, labels = fashion_mnist(options.data)
    draw, times, cpu = random_draws([options.batch, 1, 32, 32]), [], 0.0
    for iteration in range(options.warmup + options.iterations):
        index = torch.randint(0, len(images), [options.batch])
        start, start_cpu = time.perf_counter(), time.process_time()
        trainer.iterate(iteration, images[index], labels[index], draw)
        if iteration >= options.warmup:
            times.append(time.perf_counter() - start)
            cpu += time.process_time() - start_cpu
    print(json.dumps({
        "images_per_second": options.batch * len(times) / sum(times),
        "iterations": len(times), "batch": options.batch, "threads": torch.get_num_threads(),
        "seconds": sum(times), "cpu_seconds": cpu, "slowest_iteration": max(times), "fastest_iteration": min(times),
        "parameters_generator": sum(p.numel() for p in generator.parameters()),
        "parameters_score": sum(p.numel() for p in score.parameters()), "torch": torch.__version__,
    }))


if __name__ == "__main__":
    main()

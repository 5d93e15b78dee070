using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SmtWeb.Benchmarks.Plain;

/// <summary>
/// Algorithm 1 with the released code's form of the losses, written plainly: every term is a forward pass of its own, the
/// optimizers and clipping are TorchSharp's. <c>draw</c> gives every random number by its name.
/// </summary>
internal sealed class PlainTrainer : IDisposable
{
    private readonly PlainDenoiser _generator,
        _score;
    private readonly Sequential _head;
    private readonly Tensor _sigmas;
    private readonly List<Parameter> _psi;
    private readonly optim.Optimizer _optimizerGenerator,
        _optimizerScore;
    private readonly int _every;
    private readonly double _generatorGan,
        _scoreGan,
        _clip;

    internal PlainTrainer(
        PlainDenoiser generator,
        PlainDenoiser score,
        Sequential head,
        double generatorRate,
        double scoreRate,
        int every,
        double generatorGan = 3e-3,
        double scoreGan = 1e-2,
        double clip = 10
    )
    {
        (_generator, _score, _head, _every, _generatorGan, _scoreGan, _clip) = (
            generator,
            score,
            head,
            every,
            generatorGan,
            scoreGan,
            clip
        );
        _sigmas = Karras().DetachFromDisposeScope();
        _psi = [.. score.parameters(), .. head.parameters()];
        _optimizerGenerator = optim.AdamW(generator.parameters(), lr: generatorRate, weight_decay: 0.01);
        _optimizerScore = optim.AdamW(_psi, lr: scoreRate, weight_decay: 0.01);
    }

    /// <summary>Density-ratio logit on the bottleneck: two strided convolutions to one pixel, then a linear layer.</summary>
    internal static Sequential Head(long channels, int resolution, long groups) =>
        nn.Sequential(
            ("0", new PlainConvolution(channels, channels, 4, stride: 2, padding: 1)),
            ("1", nn.GroupNorm(groups, channels)),
            ("2", nn.SiLU()),
            ("3", new PlainConvolution(channels, channels, resolution / 2)),
            ("4", nn.GroupNorm(groups, channels)),
            ("5", nn.SiLU()),
            ("6", new PlainConvolution(channels, 1, 1))
        );

    internal (
        Tensor Fake,
        (Tensor Loss, Tensor Gan, double Norm)? Generator,
        (Tensor Loss, Tensor Fake, Tensor Real, Tensor Gan, double Norm) Score
    ) Iterate(int iteration, Tensor real, Tensor? labels, Func<string, Tensor> draw)
    {
        var update = iteration % _every == 0;
        Tensor fake;
        using (enable_grad(update))
        {
            fake = Generate(draw("z"), labels);
        }
        (Tensor, Tensor, double)? generatorReport = null;
        if (update)
        {
            RequireGrad(false);
            generatorReport = GeneratorStep(fake, labels, draw);
            RequireGrad(true);
        }
        return (fake.detach(), generatorReport, ScoreStep(fake.detach(), real, labels, draw));
    }

    internal Tensor Generate(Tensor z, Tensor? labels) => _generator.Forward(_sigmas[^1] * z, _sigmas[^1].expand(z.size(0)), labels);

    private void RequireGrad(bool value)
    {
        foreach (var p in _psi)
        {
            p.requires_grad = value;
        }
    }

    private (Tensor, Tensor) Noisy(Tensor x, Tensor t, Tensor noise)
    {
        var sigma = _sigmas.index_select(0, t);
        return (x + sigma.view(-1, 1, 1, 1) * noise, sigma);
    }

    private Tensor Logit(Tensor x, Tensor t, Tensor noise, Tensor? labels)
    {
        var (x_t, sigma) = Noisy(x, t, noise);
        return _head.call(_score.Forward(x_t, sigma, labels, full(x.size(0), 0.5f), bottleneck: true)).flatten();
    }

    private (Tensor, Tensor, double) GeneratorStep(Tensor x, Tensor? labels, Func<string, Tensor> draw)
    {
        var n = x.size(0);
        var (x_t, sigma) = Noisy(x.detach(), draw("t_gen"), draw("n_gen"));
        Tensor gradient;
        using (no_grad()) // Eq. (9), (10), (32) with f_phi = f_1
        {
            var f_0 = _score.Forward(x_t, sigma, labels, zeros(n));
            var f_a = _score.Forward(x_t, sigma, labels, draw("alpha_gen"));
            var f_1 = _score.Forward(x_t, sigma, labels, ones(n));
            var weightDmd = (x - f_1).abs().mean([1, 2, 3], keepdim: true);
            var weightAlpha = (
                (f_0 - f_a).square().mean([1, 2, 3], keepdim: true) / ((f_0 - f_1).square() + 1e-6).mean([1, 2, 3], keepdim: true)
            ).sqrt();
            gradient = ((f_0 - f_a) / (weightDmd * weightAlpha)).nan_to_num();
        }
        var loss = 0.5 * F.mse_loss(x, (x - gradient).detach());
        var gan = F.softplus(-Logit(x, draw("t_gancls"), draw("n_gancls"), labels)).mean();
        _optimizerGenerator.zero_grad();
        (loss + _generatorGan * gan).backward();
        var norm = nn.utils.clip_grad_norm_(_generator.parameters(), _clip);
        _optimizerGenerator.step();
        return (loss.detach(), gan.detach(), norm);
    }

    private (Tensor, Tensor, Tensor, Tensor, double) ScoreStep(Tensor fake, Tensor real, Tensor? labels, Func<string, Tensor> draw)
    {
        var t = draw("t_score");
        var alpha = draw("alpha_score");
        var (fake_t, sigma) = Noisy(fake, t, draw("n_score_fake"));
        var (real_t, _) = Noisy(real, t, draw("n_score_real"));
        var weight = (sigma.pow(-2) + 1 / (PlainDenoiser.SigmaData * PlainDenoiser.SigmaData)).view(-1, 1, 1, 1);
        var rows = alpha.view(-1, 1, 1, 1);
        var f_fake = _score.Forward(fake_t, sigma, labels, alpha);
        var f_real = _score.Forward(real_t, sigma, labels, alpha);
        var lossFake = (weight * (1 - rows) * (f_fake - fake).square()).mean(); // Eq. (8), App. C.1
        var lossReal = (weight * rows * (f_real - real).square()).mean();
        var a = draw("alpha_disc");
        var l_real = Logit(real, draw("t_disc_real"), draw("n_disc_real"), labels);
        var l_fake = Logit(fake, draw("t_disc_fake"), draw("n_disc_fake"), labels);
        var gan = ((1 - a) * F.softplus(l_fake)).mean() + (a * F.softplus(-l_real)).mean();
        _optimizerScore.zero_grad();
        (lossFake + lossReal + _scoreGan * gan).backward();
        var norm = nn.utils.clip_grad_norm_(_psi, _clip);
        _optimizerScore.step();
        return ((lossFake + lossReal).detach(), lossFake.detach(), lossReal.detach(), gan.detach(), norm);
    }

    // EDM Eq. (5), ascending, float32
    private static Tensor Karras(long count = 1000, double low = 0.002, double high = 80, double rho = 7)
    {
        var (from, to) = (Math.Pow(low, 1 / rho), Math.Pow(high, 1 / rho));
        return (linspace(0, 1, count) * (to - from) + from).pow(rho);
    }

    public void Dispose()
    {
        _optimizerGenerator.Dispose();
        _optimizerScore.Dispose();
        _sigmas.Dispose();
    }
}

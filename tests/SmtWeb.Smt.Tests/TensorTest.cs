using SmtWeb.Torch;

namespace SmtWeb.Smt.Tests;

/// <summary>A test with tensors: none may be left when it ends.</summary>
[Collection("Tensors")]
public abstract class TensorTest : IDisposable
{
    private readonly long _before;

    protected TensorTest()
    {
        TorchRuntime.Initialize();
        // what tests of other classes left to the garbage collector must not go while this one counts
        GC.Collect();
        GC.WaitForPendingFinalizers();
        _before = TorchRuntime.LiveTensors;
    }

    public virtual void Dispose()
    {
        // fewer: garbage of a test before has gone meanwhile
        if (TorchRuntime.LiveTensors > _before)
        {
            // in a process of many tests two tensors of a training session were seen to wait for the collector; more than garbage is a leak
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.InRange(TorchRuntime.LiveTensors, 0, _before);
        GC.SuppressFinalize(this);
    }
}

/// <summary>Tensor tests run one after another: they count the tensors of the process.</summary>
[CollectionDefinition("Tensors", DisableParallelization = true)]
public sealed class TensorCollection;

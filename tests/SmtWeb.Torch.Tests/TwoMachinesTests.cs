using System.Diagnostics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace SmtWeb.Torch.Tests;

/// <summary>
/// Ranks on two machines: two network namespaces of this one with a cable between them, each rank's thread in one of them. There is
/// no loopback and no name for the other's address, as between machines. Needs root and `ip`.
/// </summary>
[Collection("Tensors")]
public sealed partial class TwoMachinesTests : IDisposable
{
    private const string HostOfFirst = "10.213.7.1";

    private readonly string _first = $"smt-{Environment.ProcessId}-a",
        _second = $"smt-{Environment.ProcessId}-b";

    private readonly long _before;

    public TwoMachinesTests()
    {
        TorchRuntime.Initialize();
        _before = TorchRuntime.LiveTensors;
        Assert.SkipUnless(ProcessGroup.Has(ProcessGroup.Gloo), ProcessGroup.WhyNot(ProcessGroup.Gloo) ?? "");
        Assert.SkipUnless(
            Environment.UserName == "root" && Ip($"netns add {_first}") && Ip($"netns add {_second}"),
            "Network namespaces need root and the program ip (package iproute2)."
        );
        Assert.True(
            Ip(
                $"link add smta{Environment.ProcessId % 10000} netns {_first} type veth peer name smtb{Environment.ProcessId % 10000} "
                    + $"netns {_second}"
            )
        );
        Up(_first, $"smta{Environment.ProcessId % 10000}", HostOfFirst);
        Up(_second, $"smtb{Environment.ProcessId % 10000}", "10.213.7.2");
    }

    public void Dispose()
    {
        Ip($"netns delete {_first}");
        Ip($"netns delete {_second}");
        var until = DateTime.UtcNow.AddSeconds(60);
        while (TorchRuntime.LiveTensors != _before && DateTime.UtcNow < until)
        {
            Thread.Sleep(50);
        }
        Assert.Equal(_before, TorchRuntime.LiveTensors);
    }

    [Fact]
    public async Task AllReduce_TwoMachines_MeetAndSum()
    {
        var (a, b) = await OnBoth(group =>
        {
            using var scope = NewDisposeScope();
            var t = full([100_000], group.Rank + 1f);
            group.AllReduce(t);
            return t.min().ToDouble() + t.max().ToDouble();
        });
        Assert.Equal((6.0, 6.0), (a, b));
    }

    [Fact]
    public async Task AllReduce_TheOtherMachineVanishes_FailsInSeconds()
    {
        var watch = new Stopwatch();
        using var met = new Barrier(
            2,
            _ =>
            {
                Assert.True(Ip($"netns exec {_second} ip link set smtb{Environment.ProcessId % 10000} down"));
                watch.Start();
            }
        );
        var (a, b) = await OnBoth(group =>
        {
            using var scope = NewDisposeScope();
            group.AllReduce(ones(4));
            met.SignalAndWait();
            var message = Assert.Throws<TorchException>(() => group.AllReduce(ones(4))).Message;
            Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
            return message;
        });
        Assert.Contains("rank 1 is gone: its machine does not answer any more", a);
        Assert.Contains($"serves the ranks' store at {HostOfFirst}", b);
    }

    private async Task<(T First, T Second)> OnBoth<T>(Func<ProcessGroup, T> body)
    {
        var port = new TaskCompletionSource<int>();
        var patience = TimeSpan.FromSeconds(25); // what is left of an exchange that was left ends with it
        var results = await Task.WhenAll(
            new[] { (Name: _first, Rank: 0), (Name: _second, Rank: 1) }.Select(machine =>
            {
                var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
                // a thread of its own, which ends afterwards: it stays in the namespace, and so do the threads that it starts
                new Thread(() =>
                {
                    try
                    {
                        Enter(machine.Name);
                        using var served = machine.Rank == 0 ? new TcpStore(HostOfFirst, 0, serve: true, patience) : null;
                        if (served is not null)
                        {
                            port.SetResult(served.Port);
                        }
                        using var store = new TcpStore(HostOfFirst, port.Task.Result, serve: false, patience);
                        using var group = new ProcessGroup(ProcessGroup.Gloo, store, machine.Rank, 2, patience);
                        result.SetResult(body(group));
                    }
                    catch (Exception e)
                    {
                        port.TrySetException(e);
                        result.SetException(e);
                    }
                }).Start();
                return result.Task;
            })
        );
        return (results[0], results[1]);
    }

    private static void Enter(string name)
    {
        using var file = File.OpenHandle($"/var/run/netns/{name}");
        const int newNet = 0x40000000;
        Assert.Equal(0, setns((int)file.DangerousGetHandle(), newNet));
    }

    private static void Up(string machine, string cable, string address)
    {
        Assert.True(Ip($"-n {machine} address add {address}/24 dev {cable}"));
        Assert.True(Ip($"-n {machine} link set {cable} up"));
        Assert.True(Ip($"-n {machine} link set lo up")); // a machine reaches its own address by it
    }

    private static bool Ip(string arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    [LibraryImport("libc.so.6")]
    private static partial int setns(int descriptor, int kind);
}

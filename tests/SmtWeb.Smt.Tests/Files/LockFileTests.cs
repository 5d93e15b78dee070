using SmtWeb.Smt.Files;

namespace SmtWeb.Smt.Tests.Files;

public sealed class LockFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("smtweb-lock-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void TryTake_HeldByAnother_IsNullUntilItEnds()
    {
        var path = Path.Combine(folder, ".lock");
        using (LockFile.TryTake(path)!) Assert.Null(LockFile.TryTake(path));
        using var again = LockFile.TryTake(path);
        Assert.NotNull(again);
    }

    [Fact]
    public void TryTake_FaultThatIsNoLock_IsNotTakenForOne()
    {
        // whoever waits for null would wait for ever
        Assert.Throws<DirectoryNotFoundException>(() => LockFile.TryTake(Path.Combine(folder, "absent", ".lock")));
        Assert.ThrowsAny<IOException>(() => LockFile.TryTake("/dev/full/.lock"));
        Assert.Throws<UnauthorizedAccessException>(() => LockFile.TryTake(folder));
    }
}

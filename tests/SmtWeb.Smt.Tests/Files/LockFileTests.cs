using SmtWeb.Data.Files;

namespace SmtWeb.Smt.Tests.Files;

public sealed class LockFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("smtweb-lock-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TryTake_HeldByAnother_IsNullUntilItEnds()
    {
        var path = Path.Combine(_folder, ".lock");
        using (LockFile.TryTake(path)!)
        {
            Assert.Null(LockFile.TryTake(path));
        }
        using var again = LockFile.TryTake(path);
        Assert.NotNull(again);
    }

    [Fact]
    public void TryTake_FaultThatIsNoLock_IsNotTakenForOne()
    {
        // whoever waits for null would wait for ever
        Assert.Throws<DirectoryNotFoundException>(() => LockFile.TryTake(Path.Combine(_folder, "absent", ".lock")));
        Assert.ThrowsAny<IOException>(() => LockFile.TryTake("/dev/full/.lock"));
        Assert.Throws<UnauthorizedAccessException>(() => LockFile.TryTake(_folder));
    }
}

// Compiled twice: by MSBuild as an inline task (TorchSharp.targets; netstandard2.0), and by SmtWeb.Torch.Tests without the task.
using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

/// <summary>
/// The versions of other libraries that a 64-bit little-endian ELF library asks the loader for, read as the loader reads them: from
/// its dynamic segment. The loader refuses a library for a version that is not there even if nothing of that version is used.
/// </summary>
public sealed class ElfVersionNeeds
{
    private const int Load = 1,
        Dynamic = 2;
    private const ulong Null = 0,
        RelaSize = 8,
        StringTable = 5,
        Rela = 7,
        Rel = 17,
        PltRelSize = 2,
        PltRelKind = 20,
        JmpRel = 23,
        VersionSymbols = 0x6ffffff0,
        VersionNeeds = 0x6ffffffe,
        VersionNeedCount = 0x6fffffff;
    private const ushort Weak = 2,
        HiddenBit = 0x8000;

    private readonly byte[] _file;
    private readonly List<(ulong Address, ulong Offset, ulong Size)> _segments = new List<(ulong, ulong, ulong)>();
    private readonly Dictionary<ulong, ulong> _dynamic = new Dictionary<ulong, ulong>();

    /// <summary>Reads the headers of <paramref name="file"/>, which stays as it is.</summary>
    /// <exception cref="InvalidDataException">It is no 64-bit little-endian ELF library, or a truncated one.</exception>
    public ElfVersionNeeds(byte[] file)
    {
        _file = file;
        if (file.Length < 64 || file[0] != 0x7f || file[1] != 'E' || file[2] != 'L' || file[3] != 'F' || file[4] != 2 || file[5] != 1)
        {
            throw new InvalidDataException("it is not a 64-bit little-endian ELF file");
        }

        var (headers, size, count) = (U64(0x20), U16(0x36), U16(0x38));
        ulong start = 0,
            length = 0;
        for (var k = 0; k < count; k++)
        {
            var at = headers + (ulong)(k * size);
            if (U32(at) == Load)
            {
                _segments.Add((U64(at + 16), U64(at + 8), U64(at + 32)));
            }
            else if (U32(at) == Dynamic)
            {
                (start, length) = (U64(at + 8), U64(at + 32));
            }
        }

        for (var at = start; at < start + length && U64(at) != Null; at += 16)
        {
            _dynamic[U64(at)] = U64(at + 8);
        }
    }

    /// <summary>Whether the loader must refuse the library where <paramref name="version"/> is missing.</summary>
    public bool Insists(string version) => Find(version) is (ulong at, _) && (U16(at + 4) & Weak) == 0;

    /// <summary>A copy of the file that loads where <paramref name="version"/> is missing.</summary>
    /// <exception cref="InvalidDataException">A relocation needs a symbol of that version: without it the library cannot work.</exception>
    public byte[] Weakened(string version)
    {
        var copy = (byte[])_file.Clone();
        if (!(Find(version) is (ulong at, ushort index)))
        {
            return copy;
        }

        RefuseIfUsed(version, index);
        var flags = (ushort)(U16(at + 4) | Weak);
        (copy[at + 4], copy[at + 5]) = ((byte)flags, (byte)(flags >> 8));
        return copy;
    }

    // where the entry (struct vernaux) of a version lies, and the index by which symbols name it
    private (ulong At, ushort Index)? Find(string version)
    {
        if (!_dynamic.TryGetValue(VersionNeeds, out var address))
        {
            return null;
        }

        var strings = OffsetOf(_dynamic[StringTable]);
        var need = OffsetOf(address);
        for (ulong k = 0; k < _dynamic[VersionNeedCount]; k++)
        {
            var entry = need + U32(need + 8);
            for (var n = 0; n < U16(need + 2); n++)
            {
                if (Text(strings + U32(entry + 8)) == version)
                {
                    return (entry, U16(entry + 6));
                }

                entry += U32(entry + 12);
            }

            need += U32(need + 12);
        }

        return null;
    }

    private void RefuseIfUsed(string version, ushort index)
    {
        if (_dynamic.ContainsKey(Rel) || (_dynamic.TryGetValue(PltRelKind, out var kind) && kind != Rela))
        {
            throw new InvalidDataException("its relocations are of a kind that is not read here (REL)");
        }

        var versions = OffsetOf(_dynamic[VersionSymbols]);
        foreach (var (table, length) in new[] { (Rela, RelaSize), (JmpRel, PltRelSize) })
        {
            if (!_dynamic.TryGetValue(table, out var address))
            {
                continue;
            }

            var start = OffsetOf(address);
            for (var at = start; at < start + _dynamic[length]; at += 24)
            {
                var symbol = U64(at + 8) >> 32;
                if (symbol != 0 && (U16(versions + (2 * symbol)) & ~HiddenBit) == index)
                {
                    throw new InvalidDataException($"a relocation (at {at:x}, symbol {symbol}) uses a symbol of version {version}");
                }
            }
        }
    }

    private ulong OffsetOf(ulong address)
    {
        foreach (var (start, offset, size) in _segments)
        {
            if (address >= start && address < start + size)
            {
                return address - start + offset;
            }
        }

        throw new InvalidDataException($"the address {address:x} lies in no segment");
    }

    private ushort U16(ulong at) => BitConverter.ToUInt16(_file, Inside(at, 2));

    private uint U32(ulong at) => BitConverter.ToUInt32(_file, Inside(at, 4));

    private ulong U64(ulong at) => BitConverter.ToUInt64(_file, Inside(at, 8));

    private string Text(ulong at)
    {
        var start = Inside(at, 1);
        var end = Array.IndexOf(_file, (byte)0, start);
        return Encoding.ASCII.GetString(_file, start, (end < 0 ? _file.Length : end) - start);
    }

    private int Inside(ulong at, int bytes) =>
        at <= (ulong)(_file.Length - bytes) ? (int)at : throw new InvalidDataException("it ends too early");
}

/// <summary>
/// Puts libLibTorchSharp.so beside a program. TorchSharp compiles it with gcc 13, whose startup code names one symbol of
/// GLIBCXX_3.4.32 that nothing uses; Debian 12's libstdc++ ends at 3.4.30, and the loader refuses the library. There, and only
/// there, the copy (never the package's file) gets the mark "weak" on that one version.
/// </summary>
public static class LibTorchSharpCopy
{
    /// <summary>The version that gcc 13 brought.</summary>
    public const string Version = "GLIBCXX_3.4.32";

    /// <summary>
    /// Copies <paramref name="source"/> to <paramref name="destination"/>, weakened if <paramref name="patch"/> is "always", or "true"
    /// and this machine's libstdc++ lacks the version. Says whether it was.
    /// </summary>
    /// <exception cref="InvalidDataException">It cannot be; the message says why and names the way out.</exception>
    public static bool Write(string source, string destination, string patch)
    {
        var bytes = File.ReadAllBytes(source);
        var weaken = false;
        try
        {
            weaken = patch != "false" && new ElfVersionNeeds(bytes).Insists(Version) && (patch == "always" || !LoaderHasVersion());
            if (weaken)
            {
                bytes = new ElfVersionNeeds(bytes).Weakened(Version);
            }
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException(
                $"{source} needs {Version}, which this machine's libstdc++.so.6 lacks (gcc 13 has it: Debian 13, Ubuntu 24.04), and "
                    + "cannot be "
                    + $"made to do without: {e.Message}. Build and run on such a system or in the container image (docker compose up "
                    + "--build), or "
                    + "leave the file as it is with -p:PatchLibTorchSharp=false.",
                e
            );
        }

        // a new file under the old name: what lies there may be linked to a package's file, or be mapped by a running program
        var unfinished = destination + ".new";
        File.WriteAllBytes(unfinished, bytes);
        if (File.Exists(destination))
        {
            File.Delete(destination);
        }

        File.Move(unfinished, destination);
        return weaken;
    }

    /// <summary>Whether the libstdc++ that this machine's loader gives to programs has the version.</summary>
    public static bool LoaderHasVersion()
    {
        const int now = 2;
        var library = dlopen("libstdc++.so.6", now);
        return library != IntPtr.Zero && dlvsym(library, "_ZSt21ios_base_library_initv", Version) != IntPtr.Zero;
    }

#pragma warning disable SYSLIB1054, CA2101 // LibraryImport is not there for MSBuild's compilation
    [DllImport("libc.so.6", BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern IntPtr dlopen([MarshalAs(UnmanagedType.LPStr)] string name, int flags);

    [DllImport("libc.so.6", BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern IntPtr dlvsym(
        IntPtr library,
        [MarshalAs(UnmanagedType.LPStr)] string symbol,
        [MarshalAs(UnmanagedType.LPStr)] string version
    );
#pragma warning restore SYSLIB1054, CA2101
}

#if !WITHOUT_MSBUILD
/// <summary>The MSBuild task: <see cref="LibTorchSharpCopy.Write"/>.</summary>
public sealed class InstallLibTorchSharp : Microsoft.Build.Utilities.Task
{
    /// <summary>The package's file.</summary>
    [Microsoft.Build.Framework.Required]
    public string Source { get; set; }

    /// <summary>The program's folder.</summary>
    [Microsoft.Build.Framework.Required]
    public string Folder { get; set; }

    /// <summary>true, false or always.</summary>
    public string Patch { get; set; }

    /// <inheritdoc/>
    public override bool Execute()
    {
        try
        {
            Directory.CreateDirectory(Folder);
            var destination = Path.Combine(Folder, Path.GetFileName(Source));
            if (LibTorchSharpCopy.Write(Source, destination, Patch))
            {
                Log.LogMessage("{0} no longer insists on {1}", destination, LibTorchSharpCopy.Version);
            }

            return true;
        }
        catch (InvalidDataException e)
        {
            Log.LogError(null, "SMT1002", null, null, 0, 0, 0, 0, "{0}", e.Message);
            return false;
        }
    }
}
#endif

using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace SmtWeb.Architecture.Tests;

/// <summary>What a compiled assembly names: read from its metadata, so that comments and unused project references do not count.</summary>
internal sealed class CompiledAssembly : IDisposable
{
    private readonly PEReader _file;
    private readonly MetadataReader _metadata;

    public CompiledAssembly(string path)
    {
        _file = new PEReader(File.OpenRead(path));
        _metadata = _file.GetMetadataReader();
    }

    /// <summary>Assemblies of which at least one type is used.</summary>
    public IReadOnlyList<string> References =>
        [.. _metadata.AssemblyReferences.Select(handle => _metadata.GetString(_metadata.GetAssemblyReference(handle).Name))];

    /// <summary>Types of other assemblies that the code uses, with their namespace.</summary>
    public IReadOnlyList<string> UsedTypes =>
        [
            .. from handle in _metadata.TypeReferences
            let type = _metadata.GetTypeReference(handle)
            select $"{_metadata.GetString(type.Namespace)}.{_metadata.GetString(type.Name)}",
        ];

    /// <summary>String literals of the code.</summary>
    public IReadOnlyList<string> Literals
    {
        get
        {
            var literals = new List<string>();
            for (var handle = MetadataTokens.UserStringHandle(1); !handle.IsNil; handle = _metadata.GetNextHandle(handle))
            {
                literals.Add(_metadata.GetUserString(handle));
            }
            return literals;
        }
    }

    public void Dispose() => _file.Dispose();
}

using SmtWeb.Smt.Teachers;

namespace SmtWeb.Runs.Weights;

/// <summary>Imported models: the teachers of distillation. Every node sees the same ones.</summary>
public interface IModelStore
{
    /// <summary>All models by name.</summary>
    Task<IReadOnlyList<StoredModel>> ListAsync(CancellationToken ct = default);

    /// <summary>One model, or null.</summary>
    Task<StoredModel?> FindAsync(string name, CancellationToken ct = default);

    /// <summary>
    /// Stores a model: <paramref name="write"/> is called once, on a thread of its own, and writes its safetensors file.
    /// It is there wholly or not at all.
    /// </summary>
    /// <exception cref="ModelNameTakenException">There is a model of that name.</exception>
    Task<StoredModel> AddAsync(TeacherDescription description, string by, Action<Stream> write, CancellationToken ct = default);

    /// <summary>Streams the safetensors file, verifying each chunk's hash; null where there is no such model.</summary>
    Task<Stream?> OpenAsync(string name, CancellationToken ct = default);

    /// <summary>Deletes a model that no unfinished run names as its teacher.</summary>
    Task<ChangeResult> DeleteAsync(string name, CancellationToken ct = default);
}

/// <summary>An imported model without its bytes.</summary>
public sealed record StoredModel(long Id, TeacherDescription Description, long Bytes, string Sha256, DateTimeOffset At, string By)
{
    /// <summary>Its name.</summary>
    public string Name => Description.Name;
}

/// <summary>A model of this name is there already.</summary>
public sealed class ModelNameTakenException(string name)
    : InvalidOperationException($"There is a model '{name}' already. Choose another name (--name), or delete that model first.");

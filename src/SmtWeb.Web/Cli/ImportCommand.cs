using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using SmtWeb.Runs;
using SmtWeb.Runs.Database;
using SmtWeb.Runs.Weights;
using SmtWeb.Smt.Teachers;
using SmtWeb.Web.Hosting;

namespace SmtWeb.Web.Cli;

/// <summary><c>smtweb import</c>: a diffusion model from elsewhere becomes a teacher, as a file or in the database.</summary>
internal sealed class ImportCommand : Command
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    internal override string Name => "import";

    internal override string Summary =>
        "Makes a teacher out of an EDM snapshot (.pkl) or PyTorch weights (.pth); nothing in the file is run.";

    internal override string Usage => "import FILE (--out TEACHER.safetensors | --register) [options]";

    internal override int Words => 1;

    internal override IReadOnlyList<CommandOption> Options { get; } =
    [
        new("out", "FILE", "safetensors file to write; needs no database."),
        new("register", null, "Store it in the database, where runs find it by its name."),
        new("name", "NAME", "Name of the teacher; the file's name if left out."),
        new("json", null, "One line of JSON in place of text."),
        .. ServeOptions.CommandOptions.Where(o => o.Name is "data" or "connection"),
    ];

    internal override string Notes =>
        """
            Read are EDM snapshots (.pkl), torch.save files (.pth, .pt; zip and legacy) and safetensors of DDPM++ and ADM networks.
            Every tensor is compared with SmtWeb's own network. Exit code: 0 done, 1 the file was refused, 2 a wrong option.

            Example: smtweb import edm-cifar10-32x32-uncond-vp.pkl --out teacher.safetensors
            """;

    internal override async Task<int> RunAsync(CommandArguments arguments, CancellationToken ct)
    {
        if (arguments.Words is not [var path])
        {
            throw new CommandLineException("Which file? smtweb import FILE.");
        }

        var output = arguments.Text("out");
        var register = arguments.Has("register");
        if (output is null && !register)
        {
            throw new CommandLineException("Say where to: --out FILE writes a file, --register stores it in the database.");
        }

        if (arguments.Text("name") is { } wanted && !TeacherImport.IsName(wanted))
        {
            throw new CommandLineException(
                $"Option --name: '{wanted}' cannot be a name; use letters, digits and . _ - (1 to 100, not digits alone)."
            );
        }

        using var import = TeacherImport.Open(path, arguments.Text("name"));
        if (output is not null)
        {
            using var progress = new ByteProgress("written", import.Bytes);
            OutputFile.Write(output, path, file => import.Write(file, progress, ct));
        }

        if (register)
        {
            await RegisterAsync(import, arguments, ct);
        }

        await Console.Out.WriteLineAsync(arguments.Has("json") ? ToJson(import, output, register) : ToText(import, output, register));
        return 0;
    }

    private static async Task RegisterAsync(TeacherImport import, CommandArguments arguments, CancellationToken ct)
    {
        var builder = SmtWebApp.CreateBuilder();
        var options = ServeOptions.Read(arguments, builder.Configuration, builder.Environment.ContentRootPath);
        using var logging = LoggerFactory.Create(log => log.AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(LogLevel.Warning));
        Directory.CreateDirectory(options.Data);
        await using var postgres =
            options.Connection.Length > 0
                ? null
                : await EmbeddedPostgres.StartAsync(Path.Combine(options.Data, "postgres"), logging.CreateLogger<EmbeddedPostgres>(), ct);
        if (postgres is not null)
        {
            postgres.LeaveJoinedServer = true; // `smtweb serve` may be using it
        }

        await using var services = new ServiceCollection()
            .AddLogging()
            .AddSmtWebRuns(postgres?.ConnectionString ?? options.Connection)
            .BuildServiceProvider();
        await services.GetRequiredService<RunsDatabase>().MigrateAsync(ct);
        using var progress = new ByteProgress("stored", import.Bytes);
        await services
            .GetRequiredService<IModelStore>()
            .AddAsync(import.Description, $"smtweb import ({Environment.UserName})", stream => import.Write(stream, progress, ct), ct);
    }

    private static string ToJson(TeacherImport import, string? output, bool registered) =>
        JsonSerializer.Serialize(
            new
            {
                import.Description.Name,
                Network = import.Description.NetworkLabel,
                import.Description.Resolution,
                import.Description.Channels,
                import.Description.Classes,
                import.Description.SigmaData,
                import.Description.Parameters,
                Tensors = import.TensorCount,
                import.Bytes,
                import.Description.Source,
                import.Description.SourceSha256,
                import.Notes,
                Out = output,
                Registered = registered,
                Spec = JsonSerializer.Deserialize<JsonElement>(Patch(import, output, registered)),
            },
            Json
        );

    private static string ToText(TeacherImport import, string? output, bool registered)
    {
        var d = import.Description;
        List<string> lines =
        [
            $"{d.Name}: {d.Source}",
            string.Create(
                CultureInfo.InvariantCulture,
                $"  {d.NetworkLabel}, {d.Channels}x{d.Resolution}x{d.Resolution}, "
                    + $"{(d.Classes == 0 ? "no classes" : $"{d.Classes} classes")}, {d.Parameters:N0} parameters in {import.TensorCount} "
                    + $"tensors"
            ),
            .. import.Notes.Select(n => $"  {n}"),
        ];
        if (output is not null)
        {
            lines.Add($"Written: {output}");
        }

        if (registered)
        {
            lines.Add($"Registered as '{d.Name}'; the panel lists it under Models.");
        }

        lines.Add($"To distil it, a spec has: {Patch(import, output, registered)}");
        return string.Join('\n', lines);
    }

    // from the database by its name, else by its file
    private static string Patch(TeacherImport import, string? output, bool registered) =>
        import.Description.DistillationPatch(registered || output is null ? import.Description.Name : Path.GetFullPath(output));
}

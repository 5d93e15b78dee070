using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NSwag;
using NSwag.CodeGeneration.CSharp;
using SmtWeb.Runs.Entities;
using SmtWeb.Torch;

namespace SmtWeb.Web.Tests.Api;

/// <summary>A client that a generator (NSwag) makes of the document: it compiles, and does with the site what it says.</summary>
public sealed class GeneratedClientTests(SiteFixture site) : SiteTest(site)
{
    [Fact]
    public async Task Client_OfTheDocument_CompilesAndRuns()
    {
        var document = await OpenApiDocument.FromJsonAsync(await OpenApiTests.DocumentAsync(Site.App), Ct);
        var settings = new CSharpClientGeneratorSettings
        {
            ClassName = "Client",
            UseBaseUrl = false,
            GenerateOptionalParameters = true,
        };
        (settings.CSharpGeneratorSettings.Namespace, settings.CSharpGeneratorSettings.JsonLibrary) = (
            "Generated",
            NJsonSchema.CodeGeneration.CSharp.CSharpJsonLibrary.SystemTextJson
        );
        using var assembly = new MemoryStream(Compile(new CSharpClientGenerator(document, settings).GenerateFile()));
        var context = new AssemblyLoadContext("client", isCollectible: true);
        var type = context.LoadFromStream(assembly).GetType("Generated.Client")!;
        using var http = await Site.ProgramAsync(LabRoles.Member);
        dynamic client = Activator.CreateInstance(type, http)!;

        var name = $"by a client {Guid.NewGuid():N}";
        var made = await CallAsync(
            type,
            client,
            "CreateRunAsync",
            Body(type, "CreateRunRequest", ("Name", name), ("Preset", "swiss-roll"))
        );
        var id = (long)Member(made, "Id");
        var run = await CallAsync(type, client, "GetRunAsync", id);
        Assert.Equal(name, Member(Member(run, "Summary"), "Name"));
        Assert.Equal("Queued", Member(Member(run, "Summary"), "State").ToString());
        Assert.Equal(1e-4, (double)Member(Member(Member(run, "Spec"), "Optimisation"), "GeneratorRate"), 1);
        Assert.Equal("Paused", Member(await CallAsync(type, client, "PauseRunAsync", id), "State").ToString());
        var listed = (System.Collections.IEnumerable)await CallAsync(type, client, "ListRunsAsync", ("q", name));
        Assert.Equal(id, Member(Assert.Single(listed.Cast<object>()), "Id"));
        context.Unload();
    }

    private static byte[] Compile(string code)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(':')
            .Where(p =>
                p.Contains("/shared/", StringComparison.Ordinal) || Path.GetFileName(p).StartsWith("System.", StringComparison.Ordinal)
            )
            .Select(p => MetadataReference.CreateFromFile(p));
        var compilation = CSharpCompilation.Create(
            "GeneratedClient",
            [CSharpSyntaxTree.ParseText(code)],
            references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)
        );
        using var assembly = new MemoryStream();
        var result = compilation.Emit(assembly);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).Take(10)));
        return assembly.ToArray();
    }

    private static object Body(Type client, string type, params (string Name, object Value)[] members)
    {
        var body = Activator.CreateInstance(client.Assembly.GetType($"Generated.{type}")!)!;
        foreach (var (name, value) in members)
        {
            body.GetType().GetProperty(name)!.SetValue(body, value);
        }

        return body;
    }

    private static object Member(object value, string name) => value.GetType().GetProperty(name)!.GetValue(value)!;

    /// <summary>Calls an operation; what is not given has its default. Plain values fill the first parameters that take them.</summary>
    private static async Task<object> CallAsync(Type type, object client, string operation, params object[] given)
    {
        var method = type.GetMethods()
            .First(m => m.Name == operation && m.GetParameters().LastOrDefault()?.ParameterType == typeof(CancellationToken));
        var named = given.OfType<(string Name, string Value)>().ToDictionary(g => g.Name, g => (object)g.Value);
        var plain = given.Where(g => g is not ValueTuple<string, string>).ToList();
        var arguments = method
            .GetParameters()
            .Select(p =>
            {
                if (named.TryGetValue(p.Name!, out var value))
                {
                    return value;
                }

                var fits = plain.FindIndex(p.ParameterType.IsInstanceOfType);
                if (fits < 0)
                {
                    return p.ParameterType == typeof(CancellationToken) ? Ct
                        : p.HasDefaultValue ? p.DefaultValue
                        : null;
                }

                value = plain[fits];
                plain.RemoveAt(fits);
                return value;
            })
            .ToArray();
        Assert.Empty(plain);
        var task = (Task)method.Invoke(client, BindingFlags.Default, null, arguments, null)!;
        await task;
        return task.GetType().GetProperty("Result")!.GetValue(task)!;
    }
}

using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SmtWeb.Runs.Attempts;
using SmtWeb.Runs.Checkpoints;
using SmtWeb.Runs.Entities;
using SmtWeb.Smt.Sampling;
using SmtWeb.Worker;

namespace SmtWeb.Web.Tests.Api;

/// <summary>What HTTP promises besides the endpoints: HEAD, Accept, encodings, ranges, unknown parameters, repeated requests.</summary>
public sealed class HttpTests(SiteFixture site) : SiteTest(site)
{
    [Theory]
    [InlineData("/api/v1/runs?limti=5", "limti")]
    [InlineData("/api/v1/runs?limit=5&color=red", "color")]
    [InlineData("/api/v1/presets?q=a", "q")]
    [InlineData("/api/v1/keys?al=true", "al")]
    [InlineData("/api/v1/datasets?=x", "$query")]
    [InlineData("/api/v1/runs/1?id=2", "id")]
    [InlineData("/api/v1/runs?limit=1&limit=2", "limit")]
    public async Task Query_ThatIsNotKnown_IsRefusedByName(string path, string name)
    {
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        Assert.Equal([name], (await ErrorsAsync(await program.GetAsync(path, Ct))).Keys);
    }

    [Fact]
    public async Task Query_OfAChange_IsRefusedBeforeTheChange()
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var run = await Site.RunOfAsync(user);
        using var program = await Site.ProgramOfAsync(user.Id);
        Assert.Equal(["force"], (await ErrorsAsync(await program.DeleteAsync($"/api/v1/runs/{run}?force=true", Ct))).Keys);
        Assert.NotNull(await Site.Runs.FindAsync(run, Ct));
    }

    [Theory]
    [InlineData("/api/v1/runs")]
    [InlineData("/api/v1/presets")]
    [InlineData("/api/v1/users/x")]
    [InlineData("/api/v1/runs/999999")]
    [InlineData("/health")]
    [InlineData("/openapi/v1.json")]
    [InlineData("/sign-in")]
    public async Task Head_WhereGetIs_AnswersTheSameWithoutABody(string path)
    {
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        var get = await program.GetAsync(path, Ct);
        var head = await program.SendAsync(new HttpRequestMessage(HttpMethod.Head, path), Ct);
        Assert.Equal(
            (get.StatusCode, get.Content.Headers.ContentType?.MediaType),
            (head.StatusCode, head.Content.Headers.ContentType?.MediaType)
        );
        Assert.Empty(await head.Content.ReadAsByteArrayAsync(Ct));
    }

    [Theory]
    [InlineData("/api/v1/runs", "text/html", false)]
    [InlineData("/api/v1/runs", "image/png", false)]
    [InlineData("/api/v1/runs", "application/json;q=0, text/csv", false)]
    [InlineData("/api/v1/runs", "*/*, application/json;q=0", false)]
    [InlineData("/api/v1/runs", "application/*", true)]
    [InlineData("/api/v1/runs", "text/html, */*;q=0.1", true)]
    [InlineData("/api/v1/runs", "application/json; charset=utf-8", true)]
    [InlineData("/api/v1/runs/{run}/metrics", "text/csv", true)]
    [InlineData("/api/v1/runs/{run}/metrics", "text/plain", false)]
    public async Task Accept_ThatCannotBeMet_Is406(string path, string accept, bool met)
    {
        var user = await Site.UserAsync(LabRoles.Member);
        var run = await Site.RunOfAsync(user);
        using var program = await Site.ProgramOfAsync(user.Id);
        using var request = new HttpRequestMessage(HttpMethod.Get, path.Replace("{run}", $"{run}"));
        request.Headers.TryAddWithoutValidation("Accept", accept);
        var answer = await program.SendAsync(request, Ct);
        if (met)
        {
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
        else
        {
            await ProblemAsync(answer, HttpStatusCode.NotAcceptable);
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task Body_Compressed_IsRead(string encoding)
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        using var content = Encoded("""{"preset":"swiss-roll","name":"compressed"}""", encoding);
        Assert.Equal(HttpStatusCode.Created, (await program.PostAsync("/api/v1/runs", content, Ct)).StatusCode);
    }

    [Fact]
    public async Task Body_InAnUnknownEncoding_Broken_OrABomb_IsRefused()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        using var strange = new ByteArrayContent("{}"u8.ToArray())
        {
            Headers = { ContentType = new("application/json"), ContentEncoding = { "zstd" } },
        };
        var refused = await program.PostAsync("/api/v1/runs", strange, Ct);
        Assert.Contains("gzip", string.Join(",", refused.Headers.GetValues("Accept-Encoding")));
        await ProblemAsync(refused, HttpStatusCode.UnsupportedMediaType);
        foreach (var encoding in new[] { "gzip", "br", "deflate" })
        {
            using var broken = new ByteArrayContent("{\"preset\":\"swiss-roll\"}"u8.ToArray())
            {
                Headers = { ContentType = new("application/json"), ContentEncoding = { encoding } },
            };
            var problem = await ProblemAsync(await program.PostAsync("/api/v1/runs", broken, Ct), HttpStatusCode.BadRequest);
            Assert.Contains("Content-Encoding", problem.GetProperty("detail").GetString());
            Assert.Equal(
                HttpStatusCode.BadRequest,
                (await PostAsync(program, "/api/v1/runs", $"{Guid.NewGuid()}", await broken.ReadAsStringAsync(Ct), encoding)).StatusCode
            );
        }

        using var bomb = Encoded("{\"name\":\"" + new string('x', 50_000_000) + "\"}", "gzip");
        Assert.True((await bomb.ReadAsByteArrayAsync(Ct)).Length < 100_000);
        await ProblemAsync(await program.PostAsync("/api/v1/runs", bomb, Ct), HttpStatusCode.RequestEntityTooLarge);
    }

    [Fact]
    public async Task Checkpoint_InParts_IsTheWhole()
    {
        var (run, writer) = await Site.TrainingRunAsync("fashion-mnist-quick");
        var bytes = new byte[CheckpointWriter.ChunkBytes + 1000];
        new Random(5).NextBytes(bytes);
        var checkpoint = await CheckpointAsync(writer, bytes);
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        var path = $"/api/v1/runs/{run}/checkpoints/{checkpoint}";
        var whole = await program.GetAsync(path, Ct);
        Assert.Equal(bytes, await whole.Content.ReadAsByteArrayAsync(Ct));
        Assert.Equal("bytes", string.Join(",", whole.Headers.AcceptRanges));
        foreach (
            var (from, to) in new (long?, long?)[]
            {
                (0, 9),
                (CheckpointWriter.ChunkBytes - 5, CheckpointWriter.ChunkBytes + 5),
                (bytes.Length - 3, null),
                (null, 700),
            }
        )
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Range = new RangeHeaderValue(from, to) } };
            var part = await program.SendAsync(request, Ct);
            Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
            var expected = from is null ? bytes[^(int)to!.Value..] : bytes[(int)from..((int)(to ?? bytes.Length - 1) + 1)];
            Assert.Equal(expected, await part.Content.ReadAsByteArrayAsync(Ct));
        }

        using var changed = new HttpRequestMessage(HttpMethod.Get, path)
        {
            Headers =
            {
                Range = new RangeHeaderValue(0, 9),
                IfRange = new RangeConditionHeaderValue(new EntityTagHeaderValue("\"another\"")),
            },
        };
        Assert.Equal(HttpStatusCode.OK, (await program.SendAsync(changed, Ct)).StatusCode);
        using var beyond = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Range = new RangeHeaderValue(bytes.Length, null) } };
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, (await program.SendAsync(beyond, Ct)).StatusCode);
        var head = await program.SendAsync(new HttpRequestMessage(HttpMethod.Head, path), Ct);
        Assert.Equal(bytes.Length, head.Content.Headers.ContentLength);
    }

    [Fact]
    public async Task Post_SentTwiceWithAnIdempotencyKey_IsDoneOnce()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        var (key, name) = ($"{Guid.NewGuid()}", $"once-{Guid.NewGuid():N}");
        var body = $$"""{"preset":"swiss-roll","name":"{{name}}"}""";
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => PostAsync(program, "/api/v1/runs", key, body)));
        Assert.Single(answers, a => a.StatusCode == HttpStatusCode.Created && !a.Headers.Contains("Idempotency-Replayed"));
        // or: at work
        Assert.All(answers, a => Assert.True(a.StatusCode is HttpStatusCode.Created or HttpStatusCode.Conflict, $"{a.StatusCode}"));
        var again = await PostAsync(program, "/api/v1/runs", key, body);
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.Equal("true", again.Headers.GetValues("Idempotency-Replayed").Single());
        var first = answers.First(a => a.StatusCode == HttpStatusCode.Created);
        Assert.Equal(first.Headers.Location, again.Headers.Location);
        Assert.Equal(await first.Content.ReadAsStringAsync(Ct), await again.Content.ReadAsStringAsync(Ct));
        Assert.Single(await Site.Runs.ListAsync(Ct), r => r.Name == name);

        await ProblemAsync(
            await PostAsync(program, "/api/v1/runs", key, body.Replace("swiss-roll", "fashion-mnist-quick")),
            HttpStatusCode.UnprocessableEntity
        );
        using var another = await Site.ProgramAsync(LabRoles.Member); // whose own key this is
        Assert.False((await PostAsync(another, "/api/v1/runs", key, body)).Headers.Contains("Idempotency-Replayed"));
    }

    [Fact]
    public async Task Post_ThatFailed_MayBePutRightUnderItsIdempotencyKey()
    {
        using var program = await Site.ProgramAsync(LabRoles.Member);
        var key = $"{Guid.NewGuid()}";
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(program, "/api/v1/runs", key, """{"preset":"nope"}""")).StatusCode);
        Assert.Equal(HttpStatusCode.Created, (await PostAsync(program, "/api/v1/runs", key, """{"preset":"swiss-roll"}""")).StatusCode);
        Assert.Equal([IdempotencyKey], (await ErrorsAsync(await PostAsync(program, "/api/v1/runs", "two words", "{}"))).Keys);
    }

    [Fact]
    public async Task Post_WhoseAnswerIsASecret_IsKeptByNobody()
    {
        using var browser = await Site.SignedInAsync((await Site.UserAsync(LabRoles.Member)).Id);
        var key = $"{Guid.NewGuid()}";
        var made = await PostAsync(browser, "/api/v1/keys", key, """{"name":"secret"}""");
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        await ProblemAsync(await PostAsync(browser, "/api/v1/keys", key, """{"name":"secret"}"""), HttpStatusCode.Conflict);
        Assert.Single((await browser.GetFromJsonAsync<JsonElement>("/api/v1/keys", Ct)).EnumerateArray());
        var stored = Site
            .App.Services.GetRequiredService<SmtWeb.Runs.Database.RunsDatabase>()
            .Source.CreateCommand("SELECT count(*) FROM answers WHERE position('smt_' in convert_from(coalesce(body, ''), 'UTF8')) > 0");
        Assert.Equal(0L, await stored.ExecuteScalarAsync(Ct));
    }

    [Fact]
    public async Task Png_TellsWhereItCameFrom_InHeadersAndInItself()
    {
        var (run, writer) = await Site.TrainingRunAsync("fashion-mnist-quick");
        var checkpoint = await CheckpointAsync(writer, [1]);
        await using var node = Site.Build(builder => builder.Services.AddGeneration(_ => new Squares()));
        await node.StartAsync(Ct);
        using var program = await Site.ProgramAsync(LabRoles.Reviewer);
        program.BaseAddress = new Uri(node.Urls.First());
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/generations")
        {
            Content = Json($$"""{"model":{{run}},"seeds":[5,6,7,18446744073709551615],"class_labels":[0,1,1,2]}"""),
            Headers = { Accept = { new("image/png") } },
        };
        var answer = await program.SendAsync(request, Ct);
        Assert.Equal("image/png", answer.Content.Headers.ContentType?.MediaType);
        string Header(string name) => Uri.UnescapeDataString(answer.Headers.GetValues($"SmtWeb-{name}").Single());
        Assert.Equal(
            ($"{run}", $"{checkpoint}", "5-7,18446744073709551615", "0,1,1,2"),
            (Header("Run"), Header("Checkpoint"), Header("Seed"), Header("Class"))
        );
        Assert.Equal("Zürich,Łódź,東京", Header("Class-Name"));
        var texts = PngTexts(await answer.Content.ReadAsByteArrayAsync(Ct));
        Assert.Equal(
            ($"{run}", $"{checkpoint}", "5-7,18446744073709551615", "0,1,1,2", "Zürich,Łódź,東京"),
            (texts["SmtWeb Run"], texts["SmtWeb Checkpoint"], texts["SmtWeb Seed"], texts["SmtWeb Class"], texts["SmtWeb Class-Name"])
        );
        await node.StopAsync(Ct);
    }

    private const string IdempotencyKey = "Idempotency-Key";

    private static async Task<HttpResponseMessage> PostAsync(
        HttpClient client,
        string path,
        string key,
        string body,
        string? encoding = null
    )
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = Json(body) };
        if (encoding is not null)
        {
            request.Content.Headers.ContentEncoding.Add(encoding);
        }

        request.Headers.TryAddWithoutValidation(IdempotencyKey, key);
        return await client.SendAsync(request, Ct);
    }

    private static async Task<long> CheckpointAsync(AttemptWriter writer, byte[] content)
    {
        await using var stream = writer.Checkpoint(new(1, 64, 1, null, "test"), TimeSpan.FromSeconds(10));
        stream.Write(content);
        return await stream.CompleteAsync();
    }

    private static ByteArrayContent Encoded(string text, string encoding)
    {
        using var packed = new MemoryStream();
        using (
            Stream pack = encoding switch
            {
                "gzip" => new GZipStream(packed, CompressionLevel.Optimal, true),
                "br" => new BrotliStream(packed, CompressionLevel.Optimal, true),
                _ => new ZLibStream(packed, CompressionLevel.Optimal, true),
            }
        )
        {
            pack.Write(Encoding.UTF8.GetBytes(text));
        }

        return new ByteArrayContent(packed.ToArray())
        {
            Headers = { ContentType = new("application/json"), ContentEncoding = { encoding } },
        };
    }

    /// <summary>Walks the chunks of a PNG, checks each one's CRC, and returns its texts.</summary>
    private static Dictionary<string, string> PngTexts(byte[] png)
    {
        var texts = new Dictionary<string, string>();
        for (var at = 8; at < png.Length; )
        {
            var length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            var type = Encoding.ASCII.GetString(png, at + 4, 4);
            var crc = uint.MaxValue;
            foreach (var b in png.AsSpan(at + 4, 4 + length))
            {
                crc ^= b;
                for (var bit = 0; bit < 8; bit++)
                {
                    crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
                }
            }

            Assert.Equal(~crc, System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at + 8 + length)));
            if (type == "iTXt")
            {
                var content = png.AsSpan(at + 8, length);
                var end = content.IndexOf((byte)0);
                texts[Encoding.Latin1.GetString(content[..end])] = Encoding.UTF8.GetString(content[(end + 5)..]);
            }

            at += 12 + length;
        }

        return texts;
    }

    private sealed class Squares : IOneStepGenerator
    {
        public int ClassCount => 3;

        public IReadOnlyList<string> ClassNames { get; } = ["Zürich", "Łódź", "東京"];

        public long Iteration => 1;

        public IReadOnlyList<int> StepChoices => [1];

        public GeneratedImages Generate(IReadOnlyList<ulong> seeds, IReadOnlyList<int>? labels, int? steps) =>
            new(seeds.Count, 2, 2, 1, new byte[4 * seeds.Count], seeds, labels!);

        public void Dispose() { }
    }
}

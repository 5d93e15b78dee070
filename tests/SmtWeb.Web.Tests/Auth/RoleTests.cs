using System.Net;
using SmtWeb.Runs.Entities;
using SmtWeb.Runs.People;

namespace SmtWeb.Web.Tests.Auth;

/// <summary>What each role may do, by REST.</summary>
public sealed class RoleTests(SiteFixture site) : SiteTest(site)
{
    /// <summary>Method, path ({run} is a queued run), body, and the least role that may.</summary>
    public static TheoryData<string, string, string?, string> Requests { get; } =
        new()
        {
            { "GET", "/api/v1/runs", null, LabRoles.Reviewer },
            { "GET", "/api/v1/runs/{run}", null, LabRoles.Reviewer },
            { "GET", "/api/v1/runs/{run}/metrics", null, LabRoles.Reviewer },
            { "GET", "/api/v1/runs/{run}/metrics?format=csv", null, LabRoles.Reviewer },
            { "GET", "/api/v1/runs/{run}/evaluations", null, LabRoles.Reviewer },
            { "GET", "/api/v1/runs/{run}/pictures", null, LabRoles.Reviewer },
            { "GET", "/api/v1/runs/{run}/checkpoints", null, LabRoles.Reviewer },
            { "GET", "/api/v1/runs/{run}/events", null, LabRoles.Reviewer },
            { "GET", "/api/v1/presets", null, LabRoles.Reviewer },
            { "GET", "/api/v1/datasets", null, LabRoles.Reviewer },
            { "GET", "/api/v1/models", null, LabRoles.Reviewer },
            { "GET", "/api/v1/imagenet-classes", null, LabRoles.Reviewer },
            { "POST", "/api/v1/datasets", """{"name":"NEW","path":"NEW"}""", LabRoles.Member },
            { "GET", "/api/v1/keys", null, LabRoles.Reviewer },
            { "POST", "/api/v1/runs", """{"preset":"swiss-roll"}""", LabRoles.Member },
            { "POST", "/api/v1/runs/{run}/pause", null, LabRoles.Member },
            { "POST", "/api/v1/runs/{run}/cancel", null, LabRoles.Member },
            { "PUT", "/api/v1/runs/{run}/priority", """{"priority":3}""", LabRoles.Member },
            { "PUT", "/api/v1/runs/{run}/name", """{"name":"another"}""", LabRoles.Member },
            { "DELETE", "/api/v1/runs/{run}", null, LabRoles.Member },
            { "GET", "/api/v1/users", null, LabRoles.Admin },
            { "GET", "/api/v1/keys?all=true", null, LabRoles.Admin },
            { "GET", "/api/v1/audit", null, LabRoles.Admin },
            { "GET", "/api/v1/trash", null, LabRoles.Reviewer },
            { "POST", "/api/v1/users", """{"name":"NEW","role":"reviewer"}""", LabRoles.Admin },
        };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task Request_ByEachRole_IsAllowedFromTheLeastRoleOn(string method, string path, string? body, string least)
    {
        var inPerson = path == "/api/v1/users" && method == "POST"; // no key makes accounts
        foreach (var role in LabRoles.All)
        {
            var user = await Site.UserAsync(role);
            var run = await Site.RunOfAsync(user);
            using var program = inPerson ? await Site.SignedInAsync(user.Id) : await Site.ProgramOfAsync(user.Id, [.. KeyScopes.All]);
            using var request = new HttpRequestMessage(new HttpMethod(method), path.Replace("{run}", $"{run}"));
            request.Content = body is null ? null : Json(body.Replace("NEW", $"new-{Guid.NewGuid():N}"[..20]));
            var answer = await program.SendAsync(request, Ct);
            if (LabRoles.All.TakeWhile(r => r != least).Append(least).Contains(role))
            {
                Assert.True(answer.IsSuccessStatusCode, $"{role}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(Ct)}");
            }
            else
            {
                var problem = await ProblemAsync(answer, HttpStatusCode.Forbidden);
                Assert.NotEmpty(problem.GetProperty("detail").GetString()!);
            }
        }
    }
}
